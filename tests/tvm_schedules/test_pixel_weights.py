"""Digits stand for their weights, and offsets for what the border, the zero and the bias add."""

import numpy as np
import pytest

from tvm_schedules.errors import KernelError
from tvm_schedules.pixel_weights import (
    LARGEST,
    MOST_TAPS,
    PixelConv2dShape,
    pack_pixel_offsets,
    pack_pixel_scale,
    pack_pixel_weights,
    pixel_digits,
    pixel_registers,
    pixel_scale,
)
from tvm_schedules.targets import resolve_target

WORTH = np.array([65536, 256, 1])


def kept(weight):
    """The weights that digits stand for, in float64."""
    numbers = np.tensordot(WORTH, pixel_digits(weight).astype(np.int64), 1)
    return numbers * pixel_scale(weight).astype(np.float64)[:, None, None, None]


@pytest.mark.parametrize("size", [1e-25, 1e-6, 1.0, 1e30])
def test_a_weight_is_off_by_half_of_the_last_digit(size):
    weight = (np.random.default_rng(0).standard_normal((9, 3, 7, 7)) * size).astype(np.float32)
    weight[3] *= 1e-3  # each channel has a scale of its own
    largest = np.abs(weight).max(axis=(1, 2, 3), keepdims=True).astype(np.float64)
    assert (np.abs(kept(weight) - weight) <= largest / LARGEST / 2 * (1 + 2e-7)).all()


@pytest.mark.parametrize("value", [3e38, -3e38, 1.0, -1.0, 2.0**-100, 1e-38, 1e-45, -1e-45, 0.0])
def test_every_size_of_weight_has_three_digits(value):
    weight = np.full((1, 1, 1, 1), value, np.float32)
    np.testing.assert_allclose(kept(weight), weight, rtol=2.0**-23, atol=float(np.finfo(np.float32).tiny))


def test_digits_of_chosen_numbers():
    numbers = [LARGEST, -LARGEST, 0, 1, -1, 127, 128, -128, -129, 255, 256, 32767, 32768, 65536]
    digits = pixel_digits(np.float32(numbers).reshape(1, -1, 1, 1))
    assert digits.dtype == np.int8
    np.testing.assert_array_equal(np.tensordot(WORTH, digits.astype(np.int64), 1).ravel(), numbers)
    assert digits[:, 0, :2].squeeze().tolist() == [[127, -127]] * 3
    assert digits[:, 0, 6].ravel().tolist() == [0, 1, -128]


def test_a_channel_of_zeros():
    weight = np.zeros((2, 3, 3, 3), np.float32)
    weight[1] = 1
    assert not pixel_digits(weight)[:, 0].any()
    assert np.isfinite(pixel_scale(weight)).all()


def test_sums_fit_int32():
    assert MOST_TAPS * 255 * (127 * 256 + 128) < 1 << 31
    assert 255 * 128 * MOST_TAPS < 1 << 24  # and those of the last digit float32


@pytest.mark.parametrize("target", ["znver4", "cortex-a76"])
def test_packed_weights_hold_four_taps_in_the_lane_of_channel_o(target):
    tvm_target = resolve_target(target)
    weight = np.random.default_rng(0).standard_normal((21, 3, 2, 5)).astype(np.float32)
    packed = pack_pixel_weights(weight, tvm_target)
    blocks, groups, digits, block, four = packed.shape
    assert (groups, digits, four) == (8, 3, 4)
    assert block * (blocks - 1) < 21 <= block * blocks
    taps = packed.transpose(2, 0, 3, 1, 4).reshape(3, blocks * block, 32)
    expected = pixel_digits(weight).transpose(0, 1, 3, 4, 2).reshape(3, 21, 30)
    np.testing.assert_array_equal(taps[:, :21, :30], expected)
    assert not taps[:, 21:].any()
    assert not taps[:, :, 30:].any()
    scale = pack_pixel_scale(weight, tvm_target)
    assert scale.shape == (blocks * block,)
    np.testing.assert_array_equal(scale[:21], pixel_scale(weight))


@pytest.mark.parametrize(
    ("extent", "kernel", "stride", "padding", "dilation"),
    [(224, 7, 2, 3, 1), (225, 7, 2, 3, 1), (5, 3, 1, 1, 1), (2, 7, 2, 3, 1), (1, 1, 1, 0, 1), (1, 3, 1, 3, 1),
     (9, 3, 3, 0, 1), (8, 3, 2, 4, 2), (6, 5, 1, 2, 1), (4, 4, 1, 3, 1), (7, 3, 4, 2, 1)],
)  # fmt: skip
def test_every_output_has_the_case_of_its_taps_inside(extent, kernel, stride, padding, dilation):
    shape = PixelConv2dShape(
        1, extent, extent, 1, 1, (kernel,) * 2, (stride,) * 2, (padding,) * 2, (dilation,) * 2
    )
    cases, columns = shape.cases
    assert cases == columns

    def inside(position):
        taps = position * stride - padding + dilation * np.arange(kernel)
        return ((taps >= 0) & (taps < extent)).tolist()

    for position in range(shape.out_height):
        case = min(position, cases.before) + max(position - (cases.behind - 1), 0)
        assert inside(cases.positions[case]) == inside(position)


def test_the_stem_has_four_cases_each_way():
    shape = PixelConv2dShape(1, 224, 224, 3, 64, (7, 7), (2, 2), (3, 3))
    assert [axis.positions for axis in shape.cases] == [(0, 1, 2, 111)] * 2
    assert shape.groups == 37


@pytest.mark.parametrize("target", ["znver4", "cortex-a76"])
def test_offsets_hold_the_bias_and_what_is_inside(target):
    tvm_target = resolve_target(target)
    shape = PixelConv2dShape(1, 4, 1, 2, 1, (3, 1), padding=(1, 0))
    weight = np.float32([1, 2, 4, 8, 16, 32]).reshape(1, 2, 3, 1)
    zero, bias = np.float32([0.5, 3.0]), np.float32([100])
    offsets = pack_pixel_offsets(weight, zero, bias, shape, tvm_target)
    # The kernel's rows hold 0.5 * (1, 2, 4) + 3 * (8, 16, 32).
    expected = 100 - np.array([49 + 98, 24.5 + 49 + 98, 24.5 + 49], np.float32)
    if target == "cortex-a76":
        expected += 128 * 63
    assert offsets.shape[:2] == (3, 1)
    np.testing.assert_allclose(offsets[:, 0, 0], expected, rtol=1e-6)
    assert not offsets[:, :, 1:].any()


@pytest.mark.parametrize("target", ["haswell", "x86-64", "cortex-a53"])
def test_other_targets_multiply_no_bytes(target):
    tvm_target = resolve_target(target)
    assert pixel_registers(tvm_target) is None
    with pytest.raises(KernelError, match="expected a target with a byte dot product"):
        pack_pixel_weights(np.zeros((1, 3, 3, 3), np.float32), tvm_target)


def test_a_weight_needs_four_axes():
    with pytest.raises(KernelError, match="expected a weight OIHW; got 3 axes"):
        pixel_scale(np.zeros((1, 3, 3), np.float32))
