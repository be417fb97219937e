"""A model that answers as told and remembers what it was asked, and short ways to talk to a model patient."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.llm.options import LLMOptions
from agents.llm.types import Completion, Filled, Form, Message
from agents.patients.llm import LLMPatient, LLMPatientOptions
from agents.protocols import PatientReply, PatientView
from scenarios.schema import Case, Persona, Turn, Usage

OPTIONS = LLMPatientOptions(model="any")


@dataclass
class ToldModel:
    """Gives its answers in turn, the last one for ever; an answer is (text, disclosed, end)."""

    answers: list[tuple[str, list[str], str]]
    options: LLMOptions = OPTIONS
    asked: list[list[Message]] = field(default_factory=list)
    forms: list[Any] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    longest: int = 0
    closed: bool = False

    async def say(self, messages: Sequence[Message], *, seed: int, max_tokens: int | None = None) -> Completion:
        raise AssertionError("a patient fills in forms")

    async def fill(
        self, messages: Sequence[Message], form: type[Form], *, seed: int, max_tokens: int | None = None
    ) -> Filled[Form]:
        self.asked.append(copy.deepcopy(list(messages)))
        self.forms.append(form)
        self.seeds.append(seed)
        text, disclosed, end = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        said: dict[str, Any] = {"disclosed": disclosed, "text": text}
        if "end" in form.model_fields:
            said["end"] = end
        usage = Usage(prompt=100, completion=10, cached=50)
        return Filled(form.model_validate(said), Completion(json.dumps(said), usage, 2.0, 0.5))

    async def preflight(self, longest: int) -> None:
        self.longest = longest

    async def aclose(self) -> None:
        self.closed = True


def say(text: str, *disclosed: str, end: str = "none") -> tuple[str, list[str], str]:
    return text, list(disclosed), end


def patient(*answers: tuple[str, list[str], str], **options: Any) -> tuple[LLMPatient, ToldModel]:
    model = ToldModel(list(answers) or [say("嗯。")])
    return LLMPatient(LLMPatientOptions(model="any", **options), model), model


def turn_of(index: int, role: Any, text: str, **more: Any) -> Turn:
    return Turn(index=index, exchange=index // 2 + 1, role=role, text=text, **more)


def view_of(case: Case, turns: tuple[Turn, ...] = (), **more: Any) -> PatientView:
    settings: dict[str, Any] = {"persona": Persona(), "exchange": 1, "max_turns": 6, "seed": 5, "consultation_seed": 3}
    return PatientView(case=case, turns=turns, **{**settings, **more})


async def talk(player: LLMPatient, case: Case, *lines: str, **more: Any) -> tuple[list[PatientReply], tuple[Turn, ...]]:
    """Return the replies to the opening and to each doctor line, and the turns."""
    turns: tuple[Turn, ...] = ()
    replies: list[PatientReply] = []
    for number, line in enumerate((None, *lines)):
        if line is not None:
            turns += (turn_of(len(turns), "doctor", line),)
        reply = await player.speak(view_of(case, turns, exchange=number + 1, seed=100 + number, **more))
        replies.append(reply)
        turns += (turn_of(len(turns), "patient", reply.text, disclosed=reply.disclosed, end=reply.end),)
    return replies, turns
