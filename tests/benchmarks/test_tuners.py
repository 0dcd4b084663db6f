"""Both tuners measure the same convolution, and rows say at what pace."""

import numpy as np
import pytest
import tvm

from benchmarks.interleave import Samples
from benchmarks.layers import Layer
from benchmarks.stock_tuner import plain_convolution
from benchmarks.tuners import (
    OURS,
    STOCK,
    drawn,
    measure_ours,
    pace_row,
    request_of,
    search_ours,
    unblocked,
    winner_row,
    winners_in_turns,
)
from groupnet.tuning_device import tuning_device
from tvm_schedules.tuning.spaces import kernel_space

LAYER = Layer(5, 64)


def test_the_plain_convolution_computes_what_ours_does() -> None:
    device = tuning_device("host", None, None)
    stock = tvm.compile(tvm.IRModule({"main": plain_convolution(LAYER)}), target=device.target)
    default = kernel_space(request_of(LAYER), device.target)[0]
    samples = winners_in_turns(LAYER, device, default, stock, rounds=1)
    assert set(samples) == {OURS, STOCK}
    assert all(isinstance(found, Samples) and found.min_ms > 0 for found in samples.values())


def test_blocks_of_channels_follow_each_other_again() -> None:
    packed = np.arange(2 * 3 * 3 * 2 * 4, dtype=np.uint32).reshape(2, 3, 3, 2, 4)
    plain = unblocked(packed)
    assert plain.shape == (3, 3, 2, 8)
    assert plain[1, 2, 1, 5] == packed[1, 1, 2, 1, 1]


def test_candidates_are_spread_and_never_the_default() -> None:
    device = tuning_device("host", None, None)
    space = kernel_space(request_of(LAYER), device.target)
    some = drawn(LAYER, device, 4)
    assert len(set(some)) == 4
    assert space[0] not in some
    assert len(drawn(LAYER, device, 10_000)) == len(space) - 1


def test_ours_is_measured_from_its_start() -> None:
    device = tuning_device("host", None, None)
    chosen = [(request_of(LAYER), choice) for choice in drawn(LAYER, device, 2)]
    measured, seconds = measure_ours(chosen, device)
    assert measured == 2
    assert seconds["start"] > seconds["measure"] > 0


def test_ours_searches_and_says_how_far_it_is() -> None:
    device = tuning_device("host", None, None)
    said: list[str] = []
    winner, seconds, measured = search_ours(LAYER, device, 8, 0, said.append)
    assert winner in kernel_space(request_of(LAYER), device.target)
    assert (measured, said[-1]) == (8, "groupnet searches: 8 of 8")
    assert seconds > 0


def test_rows_have_the_pace() -> None:
    assert pace_row(OURS, 10, {"start": 2.0, "measure": 4.0})["per_minute"] == pytest.approx(100.0)
    assert pace_row(OURS, 0, {"start": 2.0})["per_minute"] is None
    assert winner_row(OURS, 64, 32.0, 0.1, 0.2)["per_minute"] == pytest.approx(120.0)
