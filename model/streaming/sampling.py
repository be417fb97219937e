"""Picks the next id of many answers at once, each with its own settings and its own random numbers; logits in, ids out.

One uniform number a draw (the inverse of the cumulative distribution) from the answer's own generator: what an answer
draws does not depend on who is beside it, nor on the device.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from model.streaming.ragged_lm import upload

SORTED = 1024
"""A top-k up to this is picked with a partial sort; a larger one, or top-p without top-k, sorts the vocabulary."""


@dataclass(eq=False, slots=True)
class Sampler:
    """How one answer's ids are drawn; ``temperature`` 0 is greedy, ``top_k`` 0 no limit."""

    temperature: float
    top_k: int
    top_p: float
    penalty: float = 1.0
    seed: str = ""
    seen: set[int] = field(default_factory=set)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Seed the numbers."""
        self._random = random.Random(self.seed)

    def uniform(self) -> float:
        """Return the next number in [0, 1)."""
        return self._random.random()


def pick(logits: torch.Tensor, samplers: Sequence[Sampler]) -> list[int]:
    """Return one id for each row of logits [n, vocabulary], and remember it with the row's sampler.

    The device is waited for once. Repetition penalty, temperature, top-k, top-p: in this order, as in transformers.
    """
    logits = _penalised(logits.float(), samplers)
    kinds: dict[Callable[[torch.Tensor, list[Sampler]], torch.Tensor], list[int]] = {}
    for index, sampler in enumerate(samplers):
        kinds.setdefault(_way(sampler, logits.shape[1]), []).append(index)
    if len(kinds) == 1:
        ids = next(iter(kinds))(logits, list(samplers)).tolist()
    else:
        parts = []
        for way, places in kinds.items():
            where = upload(torch.tensor(places), logits.device)
            parts.append(way(logits.index_select(0, where), [samplers[place] for place in places]))
        order = [place for places in kinds.values() for place in places]
        drawn = dict(zip(order, torch.cat(parts).tolist(), strict=True))
        ids = [drawn[index] for index in range(len(samplers))]
    for sampler, picked in zip(samplers, ids, strict=True):
        if sampler.penalty != 1:
            sampler.seen.add(picked)
    return [int(picked) for picked in ids]


def _way(sampler: Sampler, vocabulary: int) -> Callable[[torch.Tensor, list[Sampler]], torch.Tensor]:
    if sampler.temperature == 0:
        return _greedy
    if 0 < sampler.top_k <= min(SORTED, vocabulary):
        return _from_best
    return _from_all if sampler.top_p >= 1 and not 0 < sampler.top_k < vocabulary else _from_sorted


def _penalised(logits: torch.Tensor, samplers: Sequence[Sampler]) -> torch.Tensor:
    if all(sampler.penalty == 1 or not sampler.seen for sampler in samplers):
        return logits
    logits = logits.clone()
    for row, sampler in zip(logits, samplers, strict=True):
        if sampler.penalty != 1 and sampler.seen:
            where = upload(torch.tensor(sorted(sampler.seen)), logits.device)
            scores = row.index_select(0, where)
            row.index_copy_(0, where, torch.where(scores < 0, scores * sampler.penalty, scores / sampler.penalty))
    return logits


def _greedy(logits: torch.Tensor, samplers: list[Sampler]) -> torch.Tensor:
    return logits.argmax(dim=-1)


def _from_all(logits: torch.Tensor, samplers: list[Sampler]) -> torch.Tensor:
    return _inverse((logits / _column(logits, [one.temperature for one in samplers])).softmax(dim=-1), samplers)


def _from_best(logits: torch.Tensor, samplers: list[Sampler]) -> torch.Tensor:
    return _ranked(*logits.topk(max(one.top_k for one in samplers), dim=-1), samplers)


def _from_sorted(logits: torch.Tensor, samplers: list[Sampler]) -> torch.Tensor:
    return _ranked(*logits.sort(dim=-1, descending=True, stable=True), samplers)


def _ranked(best: torch.Tensor, ids: torch.Tensor, samplers: list[Sampler]) -> torch.Tensor:
    """Draw from scores in descending order, after each row's own top-k and top-p."""
    width = best.shape[1]
    limits = _column(best, [float(one.top_k or width) for one in samplers])
    scores = best / _column(best, [one.temperature for one in samplers])
    scores = scores.masked_fill(torch.arange(width, device=best.device) >= limits, -torch.inf)
    chances = scores.softmax(dim=-1)
    before = chances.cumsum(dim=-1) - chances
    chances = chances.masked_fill(before >= _column(best, [one.top_p for one in samplers]), 0)
    return ids.gather(1, _inverse(chances, samplers)[:, None])[:, 0]


def _inverse(chances: torch.Tensor, samplers: list[Sampler]) -> torch.Tensor:
    """Return, for each row, the first place whose cumulated chance exceeds the row's next uniform number."""
    reached = chances.double().cumsum(dim=-1)
    wanted = _column(reached, [one.uniform() for one in samplers]) * reached[:, -1:]
    places = torch.searchsorted(reached, wanted, right=True)[:, 0]
    last = (reached < reached[:, -1:]).sum(dim=-1)
    return torch.minimum(places, last)


def _column(like: torch.Tensor, numbers: list[float]) -> torch.Tensor:
    return upload(torch.tensor(numbers, dtype=like.dtype), like.device)[:, None]
