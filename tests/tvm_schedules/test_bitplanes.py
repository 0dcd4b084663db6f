"""Quantising to levels and packing them plane by plane, on the host."""

import numpy as np
import pytest
import torch

from tvm_schedules.bitplanes import ACTIVATION_BITS, pack_levels, quantise, unpack_levels
from tvm_schedules.errors import KernelError
from tvm_schedules.words import pack_bits, pack_signs


@pytest.mark.parametrize("bits", ACTIVATION_BITS)
def test_quantises_as_the_formula_in_pytorch(bits):
    top = (1 << bits) - 1
    halves = (np.arange(-1, top + 2) + 0.5) / top
    x = np.concatenate([np.random.default_rng(0).uniform(-0.5, 1.5, 10_000), halves]).astype(np.float32)
    expected = torch.round(top * torch.clamp(torch.from_numpy(x), 0, 1)).numpy()
    np.testing.assert_array_equal(quantise(x, bits), expected)


def test_halves_go_to_even_levels():
    np.testing.assert_array_equal(quantise(np.array([0.5, np.nextafter(0.5, 1)]), 1), [0, 0])
    np.testing.assert_array_equal(quantise(np.float32([0.5, np.nextafter(np.float32(0.5), 1)]), 1), [0, 1])
    np.testing.assert_array_equal(quantise(np.float32([0.5]), 2), [2])


def test_values_outside_the_unit_interval_are_clamped_and_nan_is_zero():
    x = np.array([-np.inf, -1, -0.0, 1, 2, np.inf, np.nan], np.float32)
    np.testing.assert_array_equal(quantise(x, 4), [0, 0, 0, 15, 15, 15, 0])


@pytest.mark.parametrize("bits", ACTIVATION_BITS)
@pytest.mark.parametrize("channels", [1, 31, 32, 33, 70])
def test_levels_to_planes_and_back(bits, channels):
    levels = np.random.default_rng(0).integers(0, 1 << bits, (2, 3, 4, channels))
    planes = pack_levels(levels, bits, (1, 2), pad_level=(1 << bits) - 1)
    assert planes.shape == (bits, 2, 5, 8, -(-channels // 32))
    assert planes.dtype == np.uint32
    back = unpack_levels(planes, channels)
    np.testing.assert_array_equal(back[:, 1:-1, 2:-2], levels)
    back[:, 1:-1, 2:-2] = (1 << bits) - 1
    assert (back == (1 << bits) - 1).all()
    if channels % 32:
        assert (planes[..., -1] >> np.uint32(channels % 32) == 0).all()  # the last word is filled up with 0


def test_plane_i_is_worth_two_to_the_i():
    """Channel 40 alone has a level, and every level of one bit is in the plane of that bit alone."""
    for plane in range(4):
        levels = np.zeros((1, 1, 1, 64), np.int64)
        levels[..., 40] = 1 << plane
        expected = np.zeros((4, 1, 1, 1, 2), np.uint32)
        expected[plane, ..., 1] = 1 << 8
        np.testing.assert_array_equal(pack_levels(levels, 4), expected)


def test_one_plane_is_packed_as_signs_are():
    x = np.random.default_rng(0).standard_normal((1, 3, 4, 45)).astype(np.float32)
    planes = pack_levels((x >= 0).astype(np.uint8), 1, (1, 1), pad_level=0)
    np.testing.assert_array_equal(planes[0], pack_signs(x, (1, 1), pad_value=-1))


def test_pack_bits_takes_any_number_of_axes():
    np.testing.assert_array_equal(pack_bits(np.array([0, 1, 1], np.uint8)), [6])


@pytest.mark.parametrize(
    ("levels", "bits", "pad_level", "message"),
    [
        (np.zeros((1, 1, 1, 4), int), 5, 0, "activations of 1 to 4 bits"),
        (np.zeros((1, 1, 1, 4), int), 0, 0, "activations of 1 to 4 bits"),
        (np.zeros((1, 1, 1, 4), int), 2, 4, "a padding level 0 .. 3"),
        (np.zeros((1, 1, 1, 4), int), 2, -1, "a padding level 0 .. 3"),
        (np.zeros((1, 1, 4), int), 2, 0, "NHWC levels of 4 axes"),
        (np.full((1, 1, 1, 4), 4), 2, 0, "levels 0 .. 3; got 4"),
        (np.full((1, 1, 1, 4), -1), 2, 0, "levels 0 .. 3; got -1"),
    ],
)
def test_other_operands_are_refused(levels, bits, pad_level, message):
    with pytest.raises(KernelError, match=message):
        pack_levels(levels, bits, pad_level=pad_level)


def test_transposed_levels_pack_as_their_copy():
    levels = np.random.default_rng(0).integers(0, 4, (1, 31, 2, 1)).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(pack_levels(levels, 2), pack_levels(np.ascontiguousarray(levels), 2))
