"""Several models score by one rubric side by side; means, and every member's own scores for later agreement."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from functools import reduce
from operator import add
from statistics import fmean
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from agents.judges.agreement import MEMBER
from agents.judges.llm import JudgeModelOptions, LLMJudge, LLMJudgeOptions, RubricChoice
from agents.judges.prompts import judge_fingerprint
from agents.llm.forecast import Forecast
from agents.llm.options import LLMOptions
from agents.llm.types import Message, Model
from agents.protocols import JudgeView
from scenarios.errors import AgentFailure
from scenarios.identity import derive_seed
from scenarios.schema import Case, Usage, Verdict
from scenarios.schema.rubric import Rubric


class PanelMember(JudgeModelOptions):
    """One model of a panel; ``name`` is how its scores are called, by default the model's name."""

    name: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9_-]{0,59})?$")

    @property
    def called(self) -> str:
        """The name without what cannot stand in a metric's name."""
        return self.name or re.sub(r"[^a-z0-9_-]+", "-", self.model.lower()).strip("-")[-60:].strip("-") or "model"


class PanelOptions(RubricChoice):
    """Two or more members, one rubric; ``speed_only`` holds for the members' keys."""

    speed_only: ClassVar[frozenset[str]] = LLMOptions.speed_only

    members: tuple[PanelMember, ...] = Field(min_length=2, max_length=20)

    @model_validator(mode="after")
    def _members_differ(self) -> Self:
        names = [member.called for member in self.members]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"members must differ; repeated: {', '.join(twice)}. Give each a name of its own")
        return self


class PanelJudge:
    """The mean of its members' scores.

    A member whose reply cannot be read is left out of this consultation, named in ``not_scored`` and missing from
    ``panel_share``; when only one or none is left, the panel fails.
    """

    def __init__(self, options: PanelOptions, models: Sequence[Model | None] | None = None) -> None:
        """Open every member's model."""
        self.options = options
        given = models or [None] * len(options.members)
        self.members = {
            member.called: LLMJudge(_judge_options(member, options), model)
            for member, model in zip(options.members, given, strict=True)
        }
        self.fingerprint = judge_fingerprint(self.rubric, record=options.record, panel=sorted(self.members))

    @property
    def rubric(self) -> Rubric:
        """The rubric that all members score by."""
        return next(iter(self.members.values())).rubric

    async def judge(self, view: JudgeView) -> Verdict:
        """Return means, members' scores and evidence. Raises the first member's AgentFailure below two replies."""
        verdicts: dict[str, Verdict] = {}
        failures: dict[str, AgentFailure] = {}
        asked = [self._ask(name, judge, view) for name, judge in self.members.items()]
        for name, answer in zip(self.members, await asyncio.gather(*asked), strict=True):
            if isinstance(answer, AgentFailure):
                failures[name] = answer
            else:
                verdicts[name] = answer
        if len(verdicts) < 2 and failures:
            raise next(iter(failures.values()))
        return self._together(verdicts, failures)

    def asks(self, view: JudgeView) -> list[Message]:
        """Return what the first member is asked; all have one rubric and see the same."""
        return next(iter(self.members.values())).asks(view)

    async def _ask(self, name: str, judge: LLMJudge, view: JudgeView) -> Verdict | AgentFailure:
        try:
            return await judge.judge(JudgeView(view.case, view.turns, derive_seed(view.seed, "member", name)))
        except AgentFailure as failure:
            return failure

    def _together(self, verdicts: dict[str, Verdict], failures: dict[str, AgentFailure]) -> Verdict:
        first = next(iter(verdicts.values()))
        if not first.scores and not first.metrics:
            return Verdict(judge="panel", not_scored=first.not_scored)
        metrics = _means([verdict.metrics for verdict in verdicts.values()])
        metrics["panel_share"] = round(len(verdicts) / len(self.members), 6)
        for name, verdict in verdicts.items():
            own = {**verdict.metrics, **verdict.scores}
            metrics |= {f"{MEMBER}{name}.{item}": own[item] for item in (*self.rubric.item_ids, "total")}
        return Verdict(
            judge="panel",
            scores=_means([verdict.scores for verdict in verdicts.values()]),
            metrics=metrics,
            not_scored={f"{MEMBER}{name}": f"{f.kind}: {f.message}"[:300] for name, f in failures.items()},
            evidence=tuple(
                one.model_copy(update={"tag": f"{name}: {one.tag}"})
                for name, verdict in verdicts.items() for one in verdict.evidence
            ),
            usage=reduce(add, [v.usage for v in verdicts.values() if v.usage], Usage(calls=0)),
        )

    def forecast(self, case: Case, max_turns: int) -> Forecast:
        """Return the expected tokens of all members together."""
        return reduce(add, [judge.forecast(case, max_turns) for judge in self.members.values()], Forecast())

    async def preflight(self, longest: int) -> None:
        """Raise ClinicError when a member cannot serve prompts of ``longest`` tokens now."""
        for judge in self.members.values():
            await judge.preflight(longest)

    async def aclose(self) -> None:
        """Let go of every member's model."""
        await asyncio.gather(*(judge.aclose() for judge in self.members.values()))


def _judge_options(member: PanelMember, panel: PanelOptions) -> LLMJudgeOptions:
    model: dict[str, Any] = {key: value for key, value in member if key != "name"}
    return LLMJudgeOptions(**model, rubric=panel.rubric, record=panel.record)


def _means(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    return {name: round(fmean(row[name] for row in rows), 6) for name in rows[0]}
