"""A judge that gives the scores it is given: a fake for tests of batches, plug-ins and reports; it reads nothing."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pydantic import Field

from agents.protocols import JudgeView
from scenarios.schema import Dimension, Frozen, Verdict

Score = Annotated[float, Field(ge=0, le=10)]


class ScriptedJudgeOptions(Frozen):
    """``scores``: dimension -> 0..10. ``metrics``: any flat numbers. ``wait_s``: how long judging takes."""

    scores: dict[Dimension, Score] = Field(default_factory=dict)
    metrics: dict[str, float] = Field(default_factory=dict)
    wait_s: float = Field(default=0.0, ge=0)


class ScriptedJudge:
    """Returns the same verdict for every consultation, after ``wait_s`` seconds."""

    def __init__(self, options: ScriptedJudgeOptions | None = None) -> None:
        """Keep the options."""
        self.options = options or ScriptedJudgeOptions()

    async def judge(self, view: JudgeView) -> Verdict:
        """Wait, then return the given scores and metrics whatever ``view`` holds."""
        if self.options.wait_s:
            await asyncio.sleep(self.options.wait_s)
        return Verdict(
            judge="scripted-judge",
            scores={name: score for name, score in self.options.scores.items()},
            metrics=dict(self.options.metrics),
        )
