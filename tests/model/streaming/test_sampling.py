"""Ids are drawn from the distribution that the settings describe, each answer by its own numbers."""

from __future__ import annotations

import pytest
import torch
from transformers import LogitsProcessorList
from transformers.generation.logits_process import (
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from model.streaming.sampling import Sampler, pick

WIDTH, DRAWS = 12, 4000
KINDS = [
    (1.0, 0, 1.0, 1.0), (0.7, 5, 1.0, 1.0), (1.3, 0, 0.8, 1.0), (1.0, 6, 0.7, 1.0), (0.9, 2000, 0.9, 1.0),
    (1.0, 4, 1.0, 1.5),
]


def expected(logits: torch.Tensor, sampler: Sampler) -> torch.Tensor:
    """The distribution that transformers would draw from."""
    steps = LogitsProcessorList()
    if sampler.penalty != 1:
        steps.append(RepetitionPenaltyLogitsProcessor(sampler.penalty))
    steps.append(TemperatureLogitsWarper(sampler.temperature))
    if sampler.top_k:
        steps.append(TopKLogitsWarper(sampler.top_k))
    if sampler.top_p < 1:
        steps.append(TopPLogitsWarper(sampler.top_p))
    return steps(torch.tensor([sorted(sampler.seen)], dtype=torch.long), logits[None].clone())[0].softmax(-1)


@pytest.mark.parametrize(("temperature", "top_k", "top_p", "penalty"), KINDS)
def test_frequencies_are_the_distribution(temperature: float, top_k: int, top_p: float, penalty: float) -> None:
    logits = torch.randn(WIDTH, generator=torch.Generator().manual_seed(3)) * 2
    seen = {int(logits.argmax()), 0} if penalty != 1 else set()
    sampler = Sampler(temperature, top_k, top_p, penalty, "a", set(seen))
    wanted, counts = expected(logits, sampler), torch.zeros(WIDTH)
    rows = [Sampler(temperature, top_k, top_p, penalty, str(index), set(seen)) for index in range(DRAWS)]
    for one in pick(logits.expand(DRAWS, -1), rows):
        counts[one] += 1
    assert bool((counts[wanted == 0] == 0).all())
    assert (counts / DRAWS - wanted).abs().max().item() < 0.03


def test_rows_of_all_kinds_draw_together_what_they_draw_alone() -> None:
    def samplers() -> list[Sampler]:
        kinds = [(0.0, 0, 1.0, 1.0), (1.0, 5, 0.9, 1.0), (1.0, 0, 1.0, 1.3), (0.8, 0, 0.7, 1.0), (1.0, 50, 1.0, 1.0)]
        return [Sampler(*kind, seed=str(index)) for index, kind in enumerate(kinds)]

    steps = torch.randn(30, 5, 64, generator=torch.Generator().manual_seed(1))
    together = samplers()
    drawn = [pick(logits, together) for logits in steps]
    for place, sampler in enumerate(samplers()):
        assert [pick(logits[place : place + 1], [sampler])[0] for logits in steps] == [row[place] for row in drawn]
    assert [row[0] for row in drawn] == steps[:, 0].argmax(-1).tolist()


def test_an_impossible_id_is_never_drawn_at_the_edges(monkeypatch: pytest.MonkeyPatch) -> None:
    logits = torch.full((1, 8), -torch.inf)
    logits[0, 3:5] = 1.0
    for edge, wanted in ((0.0, 3), (1 - 1e-16, 4)):
        monkeypatch.setattr(Sampler, "uniform", lambda self, edge=edge: edge)
        for kind in ((1.0, 0, 1.0), (1.0, 5, 1.0), (1.0, 0, 0.99)):
            assert pick(logits, [Sampler(*kind)])[0] in ({wanted} if kind[1] == 0 and kind[2] == 1 else {3, 4})
