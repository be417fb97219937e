"""What the tests of the client share: a small form, messages, and a model on a server of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agents.llm.client import open_model
from agents.llm.options import LLMOptions
from agents.llm.types import Message, Model
from scenarios.errors import Owner


class Score(BaseModel):
    model_config = ConfigDict(extra="forbid")
    reason: Annotated[str, Field(max_length=60)]
    score: Annotated[int, Field(ge=0, le=10)]
    urgency: Literal["low", "high"]


@dataclass
class Ear:
    """Notes what it hears; ``tries`` holds the pieces since each ``again``."""

    tries: list[list[str]] = field(default_factory=lambda: [[]])

    def words(self, text: str) -> None:
        self.tries[-1].append(text)

    def again(self) -> None:
        self.tries.append([])

    @property
    def heard(self) -> list[str]:
        return ["".join(pieces) for pieces in self.tries]


MESSAGES: list[Message] = [
    {"role": "system", "content": "You are a doctor."}, {"role": "user", "content": "My head hurts."},
]


@asynccontextmanager
async def model_at(url: str, owner: Owner = "doctor", **options: Any) -> AsyncIterator[Model]:
    model = open_model(LLMOptions(**{"model": "good", "base_url": url, **options}), owner)
    try:
        yield model
    finally:
        await model.aclose()
