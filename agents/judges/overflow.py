"""Asks a model to judge and, when a transcript is too long for its context, shows less of each turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import BaseModel

from agents.judges.fence import TRANSCRIPT_CHARACTERS
from agents.llm.types import Filled, Message, Model
from scenarios.errors import AgentFailure

SHORTER = (TRANSCRIPT_CHARACTERS, TRANSCRIPT_CHARACTERS // 4, TRANSCRIPT_CHARACTERS // 16)
"""Characters of the transcript at the first, second and third try."""

Form = TypeVar("Form", bound=BaseModel)


async def fill_within_context(
    prompt: Callable[[int], Sequence[Message]], model: Model, form: type[Form], seed: int, max_tokens: int
) -> Filled[Form]:
    """Return the filled form; nobody escapes judgement by talking more than the judge can read.

    Args:
        prompt: from the most characters of the transcript to the messages.
        model: who is asked.
        form: what is to be filled in.
        seed: of the reply.
        max_tokens: of the reply.

    Raises:
        AgentFailure: as ``Model.fill``; ``context_overflow`` only when the shortest prompt does not fit either.
    """
    for characters in SHORTER[:-1]:
        try:
            return await model.fill(prompt(characters), form, seed=seed, max_tokens=max_tokens)
        except AgentFailure as failure:
            if failure.kind != "context_overflow":
                raise
    return await model.fill(prompt(SHORTER[-1]), form, seed=seed, max_tokens=max_tokens)
