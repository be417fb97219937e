"""Models that referee as told, in process and as the rule of a server; what they were asked is kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from agents.llm.options import LLMOptions
from agents.llm.types import Completion, Filled, Form, Message
from scenarios.errors import AgentFailure
from scenarios.schema import Turn, Usage
from scenarios.schema.pairing import Place
from tests.fault_server import Answer, Body

Decide = Callable[[str, str], Place]
"""From the two transcripts as shown to the place of the better one."""


def talk(*texts: str) -> tuple[Turn, ...]:
    """Patient and doctor in turn."""
    return tuple(
        Turn(index=i, exchange=1 + i // 2, role="doctor" if i % 2 else "patient", text=text)
        for i, text in enumerate(texts)
    )


def shown(messages: Sequence[Message]) -> tuple[str, str]:
    """Return the two transcripts of a referee's prompt, fences included."""
    blocks = str(messages[-1]["content"]).split("\n\n")
    first, second = (block for block in blocks if "⟦first" in block or "⟦second" in block or "次问诊 " in block)
    return first, second


def longer(first: str, second: str) -> Place:
    """Prefer the consultation with more turns."""
    one, two = first.count("\n["), second.count("\n[")
    return "tie" if one == two else "first" if one > two else "second"


def filled_form(schema: dict[str, Any], better: Place) -> str:
    """Return the form as JSON, every item answered in the same way."""
    one = {"reason": "because", "better": better}
    items = schema["properties"]["items"]
    names = (items if "properties" in items else schema["$defs"]["Items"])["properties"]
    return json.dumps({"items": dict.fromkeys(names, one), "overall": one})


@dataclass
class RefereeModel:
    """Implements ``Model``; a failure in ``failures`` is raised once."""

    decide: Decide = longer
    options: LLMOptions = LLMOptions(model="told")  # noqa: RUF009
    asked: list[Sequence[Message]] = field(default_factory=list)
    forms: list[type[BaseModel]] = field(default_factory=list)
    seeds: list[int] = field(default_factory=list)
    failures: list[AgentFailure] = field(default_factory=list)
    closed: bool = False

    async def say(self, messages: Sequence[Message], *, seed: int, max_tokens: int | None = None) -> Completion:
        raise AssertionError("a referee fills in forms")

    async def fill(
        self, messages: Sequence[Message], form: type[Form], *, seed: int, max_tokens: int | None = None
    ) -> Filled[Form]:
        self.asked.append(messages)
        self.forms.append(form)
        self.seeds.append(seed)
        if self.failures:
            raise self.failures.pop(0)
        text = filled_form(form.model_json_schema(), self.decide(*shown(messages)))
        return Filled(form.model_validate_json(text), Completion(text, Usage(prompt=10, completion=5), 0.1))

    async def preflight(self, longest: int) -> None:
        return None

    async def aclose(self) -> None:
        self.closed = True


def referee_rule(decide: Decide = longer, before: list[Answer] | None = None) -> Callable[[Body], Answer | None]:
    """Return the rule of a server that referees, after it gave the answers ``before``; else the good reply."""

    def rule(body: Body) -> Answer | None:
        schema = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
        if "overall" not in schema.get("properties", {}):
            return None
        if before:
            return before.pop(0)
        return Answer(text=filled_form(schema, decide(*shown(body["messages"]))))

    return rule
