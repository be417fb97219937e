"""Hooks into transformers' generate: seeded sampling, time of the first token, ending early; tensors only.

torch is handed in: this file can be imported without it.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from threading import Event
from typing import Any, Protocol

_SEEDS = 2**63


class Gumbel:
    """A logits processor after which the largest value of each row is a draw with that row's own seed.

    Noise is drawn on the CPU, so that every device draws the same.
    """

    def __init__(self, torch: Any, seeds: Sequence[int], temperature: float, top_p: float, top_k: int) -> None:
        """Make one generator a row; ``temperature`` 0 is greedy, ``top_k`` 0 no limit."""
        self._torch, self._temperature, self._top_p, self._top_k = torch, temperature, top_p, top_k
        self._generators = [torch.Generator().manual_seed(seed % _SEEDS) for seed in seeds]

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Return the scores with noise; what top-k and top-p leave out stays at minus infinity."""
        if self._temperature == 0:
            return scores
        torch = self._torch
        scores = scores.float() / self._temperature
        if 0 < self._top_k < scores.shape[-1]:
            least = torch.topk(scores, self._top_k, dim=-1).values[:, -1:]
            scores = scores.masked_fill(scores < least, -torch.inf)
        if self._top_p < 1:
            ordered, places = torch.sort(scores, descending=True, dim=-1)
            chances = ordered.softmax(dim=-1)
            outside = chances.cumsum(dim=-1) - chances >= self._top_p
            scores = scores.masked_fill(outside.scatter(-1, places, outside), -torch.inf)
        return scores + self._noise(scores)

    def _noise(self, scores: Any) -> Any:
        torch, width = self._torch, scores.shape[-1]
        rows = [torch.rand(width, generator=one, dtype=torch.float64) for one in self._generators]
        uniform = torch.stack(rows).clamp_(1e-300, 1 - 1e-16)
        return -torch.log(-torch.log(uniform)).to(scores.device, scores.dtype)


class FirstToken:
    """A streamer that only notes when the first new token came; ``put`` gets the prompt before that."""

    def __init__(self) -> None:
        """Nothing came yet."""
        self._puts = 0
        self.at: float | None = None

    def put(self, value: Any) -> None:
        """Take the prompt, then one token a row and step."""
        self._puts += 1
        if self._puts == 2:
            self.at = time.perf_counter()

    def end(self) -> None:
        """Take note of the end."""


class Cancellable(Protocol):
    """A request that may be given up."""

    cancelled: Event


class Cancelled:
    """A stopping criterion: rows whose request was given up need no further token."""

    def __init__(self, asks: Sequence[Cancellable]) -> None:
        """Keep the requests in the rows' order."""
        self._asks = asks

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        """Return which rows are to end."""
        return input_ids.new_tensor([ask.cancelled.is_set() for ask in self._asks]).bool()
