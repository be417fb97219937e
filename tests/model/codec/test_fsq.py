"""The quantizer: every index has its own code, and gradients pass."""

from __future__ import annotations

import pytest
import torch

from model.codec_parts.fsq import FSQ


@pytest.mark.parametrize("levels", [[3] * 8, [5, 3, 7], [3]])
def test_every_index_has_a_code_of_its_own_and_comes_back(levels: list[int]) -> None:
    fsq = FSQ(levels)
    count = int(torch.tensor(levels).prod())
    codes = fsq.codes(torch.arange(count))
    assert codes.shape == (count, len(levels)) and codes.abs().max() == 1.0
    assert len(torch.unique(codes, dim=0)) == count
    assert torch.equal(fsq.indices(codes), torch.arange(count))


def test_the_published_formula_of_an_index_holds() -> None:
    fsq = FSQ([3] * 8)
    digits = [2, 0, 1, 1, 2, 0, 0, 1]
    code = torch.tensor([d - 1.0 for d in digits])
    assert fsq.indices(code).item() == sum(d * 3**i for i, d in enumerate(digits))
    assert fsq.codes(torch.tensor([0, 6560])).tolist() == [[-1.0] * 8, [1.0] * 8]


def test_rounding_gives_grid_points_and_a_vector_on_the_grid_stays() -> None:
    fsq = FSQ([3] * 8)
    codes = fsq(torch.randn(500, 8, generator=torch.Generator().manual_seed(0)))
    assert set(codes.unique().tolist()) == {-1.0, 0.0, 1.0}
    assert torch.equal(fsq.codes(fsq.indices(codes)), codes)
    assert FSQ([3, 3, 3, 5])(torch.tensor([9.0, -9.0, 0.1, 0.6])).tolist() == [1.0, -1.0, 0.0, 0.5]


def test_the_gradient_is_that_of_the_bounded_value() -> None:
    x = torch.tensor([[0.3, -0.7, 2.0]], requires_grad=True)
    FSQ([3, 3, 5])(x).sum().backward()
    assert x.grad is not None
    assert torch.allclose(x.grad, 1 - torch.tanh(x.detach()) ** 2, atol=1e-6)
