"""A judge's model for tests: fills forms from their schema or as it is told, and keeps what it was asked."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.llm.options import LLMOptions
from agents.llm.types import Completion, Filled, Form, Message
from agents.protocols import JudgeView
from scenarios.errors import AgentFailure
from scenarios.schema import Case, Turn, Usage
from tests.model_replies import instance

Tell = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass
class FillingModel:
    """Fills every form with valid values; ``tell`` changes them, ``fails`` are raised one a call, first to last."""

    tell: Tell = lambda values: values
    fails: list[AgentFailure] = field(default_factory=list)
    seed: int = 0
    options: LLMOptions = LLMOptions(model="told")
    asked: list[list[Message]] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    limits: list[int | None] = field(default_factory=list)
    longest: int = 0
    closed: bool = False

    async def say(self, messages: Sequence[Message], *, seed: int, max_tokens: int | None = None) -> Completion:
        raise AssertionError("a judge asks for forms only")

    async def fill(
        self, messages: Sequence[Message], form: type[Form], *, seed: int, max_tokens: int | None = None
    ) -> Filled[Form]:
        self.asked.append(list(messages))
        self.seeds.append(seed)
        self.limits.append(max_tokens)
        if self.fails:
            raise self.fails.pop(0)
        schema = form.model_json_schema()
        values = self.tell(instance(schema, schema, random.Random(self.seed)))
        return Filled(form.model_validate(values), Completion("{}", Usage(prompt=100, completion=20), 0.1))

    async def preflight(self, longest: int) -> None:
        self.longest = longest

    async def aclose(self) -> None:
        self.closed = True

    @property
    def system(self) -> str:
        return str(self.asked[-1][0]["content"])

    @property
    def user(self) -> str:
        return str(self.asked[-1][1]["content"])


def every(**changes: Any) -> Tell:
    """Give all items of a rubric's form the same values."""
    return lambda values: {name: {**item, **changes} for name, item in values.items()}


def talk(*lines: str) -> tuple[Turn, ...]:
    """Turns from "patient: ..." and "doctor: ..." lines."""
    turns = []
    for index, line in enumerate(lines):
        role, _, text = line.partition(": ")
        turns.append(Turn(index=index, exchange=index // 2 + 1, role=role, text=text))  # type: ignore[arg-type]
    return tuple(turns)


TALK = talk(
    "patient: My stomach has been hurting.", "doctor: When did it start?", "patient: It started three days ago.",
    "doctor: It may be gastritis. Avoid spicy food, and come back if you vomit blood.",
)


def rich_case(**changes: Any) -> Case:
    """A case with everything a gold record can hold."""
    return Case.model_validate({
        "id": "stomach", "language": "en", "urgency": "urgent", "chief_complaint": "My stomach has been hurting.",
        "demographics": {"age_years": 41, "sex": "female", "occupation": "cook"},
        "facts": [
            {"id": "onset", "topic": "onset", "text": "It started three days ago", "critical": True},
            {"id": "pills", "topic": "medications", "text": "I take ibuprofen daily", "critical": True},
            {"id": "job", "topic": "social_history", "text": "I cook in a canteen"},
        ],
        "absences": [{"id": "no-blood", "name": "vomiting blood", "critical": True}],
        "findings": [{"id": "hb", "kind": "lab", "name": "Haemoglobin", "result": "131 g/L"}],
        "diagnosis": {
            "name": "gastritis", "aliases": ["NSAID gastritis"], "differentials": [{"name": "gastric ulcer"}],
        },
        "red_flags": [
            {"id": "nsaid", "name": "daily NSAID use", "item": "pills", "present": True},
            {"id": "blood", "name": "haematemesis", "item": "no-blood", "present": False},
        ],
        "treatment": [{"text": "stop the ibuprofen", "keywords": ["ibuprofen"]}],
        "provenance": {"source": "test"}, **changes,
    })


def seen(case: Case | None = None, turns: tuple[Turn, ...] = TALK, seed: int = 5) -> JudgeView:
    return JudgeView(case or rich_case(), turns, seed)
