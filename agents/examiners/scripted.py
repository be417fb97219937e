"""A scripted examiner, a fake for tests of graphs: it gives its report whatever is asked and knows no case."""

from __future__ import annotations

import asyncio

from pydantic import Field

from agents.protocols import ExaminerReply
from scenarios.schema import Case, Frozen


class ScriptedExaminerOptions(Frozen):
    """What the fake reports: ``text``; every request counts as not done. ``wait_s``: seconds it waits."""

    text: str = "Not done."
    wait_s: float = Field(default=0.0, ge=0, le=3600)


class ScriptedExaminer:
    """Says the same report to every request."""

    def __init__(self, options: ScriptedExaminerOptions | None = None) -> None:
        """Keep the report."""
        self._options = options or ScriptedExaminerOptions()

    async def examine(self, case: Case, requests: tuple[str, ...], seed: int) -> ExaminerReply:
        """Return the scripted report."""
        await asyncio.sleep(self._options.wait_s)
        return ExaminerReply(self._options.text, not_done=tuple(requests))
