"""What the tests of the client share: a small form, messages, and a model on a server of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
