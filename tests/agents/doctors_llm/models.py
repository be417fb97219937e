"""A model for tests of what stands around it: it keeps what it was asked and answers what it is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.llm.options import LLMOptions
from agents.llm.types import Completion, Filled, Form, Message
from agents.protocols import DoctorView, IntakeCard
from scenarios.schema import AudioRef, Language, Usage, Utterance


@dataclass
class ToldModel:
    """Answers ``text`` (or ``data`` as a form) and remembers messages and seeds."""

    text: str = "When did it start?"
    data: dict[str, Any] = field(default_factory=dict)
    finish: Any = "stop"
    options: LLMOptions = LLMOptions(model="told")
    asked: list[list[Message]] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    closed: bool = False
    longest: int = 0

    async def say(self, messages: Sequence[Message], *, seed: int, max_tokens: int | None = None) -> Completion:
        self.asked.append(list(messages))
        self.seeds.append(seed)
        return Completion(self.text, Usage(prompt=10, completion=3), 0.5, 0.1, self.finish)

    async def fill(
        self, messages: Sequence[Message], form: type[Form], *, seed: int, max_tokens: int | None = None
    ) -> Filled[Form]:
        completion = await self.say(messages, seed=seed)
        return Filled(form.model_validate(self.data), completion)

    async def preflight(self, longest: int) -> None:
        self.longest = longest

    async def aclose(self) -> None:
        self.closed = True


def view_of(
    *said: str, language: Language = "en", max_turns: int = 6, intake: IntakeCard | None = None, exchange: int = 0,
    sounds: dict[int, AudioRef] | None = None,
) -> DoctorView:
    """A view after ``said``: "patient: ...", "doctor: ..." or "examiner: ..."."""
    dialogue = []
    for index, line in enumerate(said):
        role, _, text = line.partition(": ")
        dialogue.append(Utterance(role, text, (sounds or {}).get(index)))  # type: ignore[arg-type]
    spoken = sum(u.role == "doctor" for u in dialogue)
    return DoctorView(
        language, intake or IntakeCard(35, "female"), tuple(dialogue), exchange or spoken + 1, max_turns, seed=11
    )
