"""Weights of one and two bits: values, planes, and the lanes that they lie in."""

import numpy as np
import pytest

from tvm_schedules.binary_conv2d import pack_weights
from tvm_schedules.bitplanes import pack_levels
from tvm_schedules.bitserial_conv2d import BitserialConv2dShape
from tvm_schedules.bitserial_weights import (
    pack_bitserial_weights,
    weight_levels,
    weight_offsets,
    weight_values,
)
from tvm_schedules.errors import KernelError
from tvm_schedules.targets import resolve_target


def _shape(out_channels=5, in_channels=3, activation_bits=2, weight_bits=2, bipolar=True):
    return BitserialConv2dShape(
        1,
        4,
        4,
        in_channels,
        out_channels,
        (2, 3),
        activation_bits=activation_bits,
        weight_bits=weight_bits,
        bipolar_weights=bipolar,
    )


def _weight(shape):
    values = weight_values(shape.weight_bits, bipolar=shape.bipolar_weights)
    size = (shape.out_channels, shape.in_channels, *shape.kernel)
    return np.random.default_rng(0).choice(values, size)


def test_values():
    assert weight_values(1, bipolar=True) == [-1, 1]
    assert weight_values(2, bipolar=True) == [-3, -1, 1, 3]
    assert weight_values(1, bipolar=False) == [0, 1]
    assert weight_values(2, bipolar=False) == [0, 1, 2, 3]


@pytest.mark.parametrize("bits", [1, 2])
@pytest.mark.parametrize("bipolar", [True, False])
def test_every_value_is_the_sum_of_its_planes(bits, bipolar):
    shape = _shape(weight_bits=bits, bipolar=bipolar)
    weight = _weight(shape)
    levels = weight_levels(weight, shape).astype(int)
    planes = [levels >> plane & 1 for plane in range(bits)]
    terms = [(2 * plane - 1 if bipolar else plane) << number for number, plane in enumerate(planes)]
    np.testing.assert_array_equal(sum(terms), weight)


@pytest.mark.parametrize("target", ["znver4", "haswell", "x86-64", "arm64", "arm64-dotprod"])
@pytest.mark.parametrize(("out_channels", "in_channels"), [(1, 1), (5, 33), (17, 65), (100, 64)])
def test_packed_weights_hold_channel_o_in_its_lane(target, out_channels, in_channels):
    target = resolve_target(target)
    shape = _shape(out_channels, in_channels)
    weight = _weight(shape)
    packed = pack_bitserial_weights(weight, shape, target)
    assert packed.shape == shape.weight_planes_shape(target)
    block = packed.shape[-1]
    expected = pack_levels(weight_levels(weight, shape).transpose(0, 2, 3, 1), 2)
    for channel in range(packed.shape[1] * block):
        lane = packed[:, channel // block, ..., channel % block]
        np.testing.assert_array_equal(lane, expected[:, channel] if channel < out_channels else 0)


def test_one_bipolar_bit_is_packed_as_the_signs_of_binary_weights():
    target = resolve_target("arm64")
    shape = _shape(20, 40, weight_bits=1)
    weight = _weight(shape)
    np.testing.assert_array_equal(
        pack_bitserial_weights(weight, shape, target)[0], pack_weights(weight.astype(np.float32), target)
    )


def test_offset_is_the_dot_product_with_the_highest_activations_of_the_weights_above_the_lowest():
    shape = _shape(activation_bits=3)
    weight = _weight(shape)
    expected = (7 * (weight + 3) // 2).sum((1, 2, 3))
    np.testing.assert_array_equal(weight_offsets(weight, shape), expected)
    assert weight_offsets(weight, shape).dtype == np.float32


def test_other_operands_are_refused():
    shape = _shape()
    with pytest.raises(KernelError, match=r"expected weights of \[-3, -1, 1, 3\]; got \[-1, 0\]"):
        weight_levels(np.array([-1, 0]).repeat(45).reshape(5, 3, 2, 3), shape)
    with pytest.raises(KernelError, match="expected a weight OIHW"):
        weight_levels(_weight(shape).transpose(2, 3, 1, 0), shape)
    unipolar = _shape(bipolar=False)
    with pytest.raises(KernelError, match="expected bipolar weights"):
        weight_offsets(_weight(unipolar), unipolar)
