"""The quantizer's levels on exact halves, ends and NaN, equal to those the kernels are tested against."""

import numpy as np
import pytest
import torch

from models.quantize import clamp_straight_through, inside_unit_interval, levels
from tvm_schedules.bitplanes import quantise


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
def test_levels_are_those_of_the_kernels_also_next_to_halves(bits):
    top = 2**bits - 1
    halves = ((np.arange(-1, top + 1) + 0.5) / top).astype(np.float32)
    near = [np.nextafter(halves, np.float32(side)) for side in (-2, 2)]
    special = np.float32(
        [0, -0.0, 1, np.nextafter(np.float32(1), np.float32(2)), -7, 7, np.inf, -np.inf, np.nan]
    )
    x = np.concatenate([halves, *near, special, np.linspace(-0.3, 1.3, 999, dtype=np.float32)])
    np.testing.assert_array_equal(levels(torch.from_numpy(x), bits).numpy(), quantise(x, bits))


def test_halves_round_to_even():
    # Of two bits, 0.5 is exactly halfway between levels 1 and 2; of one, between 0 and 1.
    assert levels(torch.tensor([0.5]), 2).item() == 2
    assert levels(torch.tensor([0.5]), 1).item() == 0


def test_the_interval_has_both_ends():
    x = torch.tensor([-1e-7, -0.0, 0.0, 0.3, 1.0, 1.0000001])
    assert inside_unit_interval(x).tolist() == [False, True, True, True, True, False]


def test_the_straight_through_clamp_passes_every_gradient():
    x = torch.tensor([-3.0, 0.2, 5.0], requires_grad=True)
    y = clamp_straight_through(x)
    y.backward(torch.tensor([1.0, 2.0, 3.0]))
    assert y.tolist() == [0.0, pytest.approx(0.2), 1.0]
    assert x.grad.tolist() == [1.0, 2.0, 3.0]
