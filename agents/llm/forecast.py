"""What a model-backed agent expects to use in one consultation; an estimate, made without a tokenizer."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agents.llm.options import Price

_WIDE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]")
WIDE_TOKENS, NARROW_TOKENS = 0.75, 0.27
"""Tokens per Chinese character and per other character; Qwen2.5's vocabulary needs about 0.65 and 0.23."""
FRAME = 5
"""Tokens that the chat template adds to a message."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """Expected calls and tokens of one agent in one consultation; ``longest`` prompt + reply that must fit a context.

    ``cached`` is the part of ``prompt`` that a server with a prefix cache need not compute again.
    """

    calls: int = 0
    prompt: int = 0
    cached: int = 0
    completion: int = 0
    longest: int = 0

    def __add__(self, other: Forecast) -> Forecast:
        """Return the sum over consultations or agents; ``longest`` is the longer one."""
        return Forecast(
            self.calls + other.calls, self.prompt + other.prompt, self.cached + other.cached,
            self.completion + other.completion, max(self.longest, other.longest),
        )

    def cost(self, price: Price | None) -> float | None:
        """Return the expected money, or None without a price."""
        return None if price is None else money(self.prompt, self.cached, self.completion, price)


def money(prompt: int, cached: int, completion: int, price: Price) -> float:
    """Return what so many tokens cost; ``cached`` is part of ``prompt``."""
    cheap = price.prompt if price.cached is None else price.cached
    return ((prompt - cached) * price.prompt + cached * cheap + completion * price.completion) / 1e6


def estimate_tokens(text: str) -> int:
    """Return about how many tokens ``text`` has."""
    wide = len(_WIDE.findall(text))
    return round(wide * WIDE_TOKENS + (len(text) - wide) * NARROW_TOKENS) + FRAME


def dialogue_forecast(system: int, heard: int, said: int, calls: int) -> Forecast:
    """Return the forecast of an agent that speaks ``calls`` times in a dialogue whose prompt only grows at the end.

    Args:
        system: tokens before the dialogue.
        heard: tokens of each message of the other party.
        said: tokens of each own message.
        calls: how often the agent speaks.
    """
    prompts = [system + heard * (turn + 1) + said * turn for turn in range(calls)]
    cached = sum(prompts[:-1])
    longest = prompts[-1] + said if prompts else 0
    return Forecast(calls, sum(prompts), cached, said * calls, longest)
