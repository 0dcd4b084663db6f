"""The bitserial convolution is exact: against the reference and TOPI's definition, and by construction."""

import re

import numpy as np
import pytest
import tvm
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kernel_harness import assembly, kernel_name, run_kernel, runnable_targets
from neon_harness import run_neon_kernel
from tvm import te, topi

from tvm_schedules.binary_conv2d import BinaryConv2dShape, binary_conv2d_kernel, pack_weights
from tvm_schedules.bitplanes import pack_levels
from tvm_schedules.bitserial_conv2d import BitserialConv2dShape, bitserial_conv2d_kernel
from tvm_schedules.bitserial_reference import bitserial_conv2d_reference
from tvm_schedules.bitserial_weights import (
    pack_bitserial_weights,
    weight_levels,
    weight_offsets,
    weight_values,
)
from tvm_schedules.cores import register_file
from tvm_schedules.errors import KernelError
from tvm_schedules.targets import resolve_target
from tvm_schedules.tile import Tile, candidate_tiles
from tvm_schedules.words import pack_signs

PAIR = st.tuples(st.integers(1, 3), st.integers(1, 3))
BITS = [(a, w, bipolar) for a in (1, 2, 3, 4) for w in (1, 2) for bipolar in (True, False)]


def _bits(activation_bits, weight_bits, bipolar):
    return {
        "activation_bits": activation_bits,
        "weight_bits": weight_bits,
        "bipolar_weights": bipolar,
    }


def _operands(shape, seed=0):
    rng = np.random.default_rng(seed)
    size = (shape.batch, shape.height, shape.width, shape.in_channels)
    levels = rng.integers(0, 1 << shape.activation_bits, size)
    values = weight_values(shape.weight_bits, bipolar=shape.bipolar_weights)
    return levels, rng.choice(values, (shape.out_channels, shape.in_channels, *shape.kernel))


def _arguments(shape, target, levels, weight, pad_level=0, scale=None, shift=None):
    ones = np.ones(shape.out_channels, np.float32)
    return [
        pack_levels(levels, shape.activation_bits, shape.border, pad_level).reshape(shape.planes_shape),
        pack_bitserial_weights(weight, shape, target),
        *([weight_offsets(weight, shape)] if shape.bipolar_weights else []),
        ones if scale is None else scale,
        0 * ones if shift is None else shift,
    ]


def _convolve(
    shape, target_text, levels, weight, pad_level=0, *, relu=False, scale=None, shift=None, tile=None
):
    target = resolve_target(target_text)
    func = bitserial_conv2d_kernel(shape, target, relu=relu, tile=tile)
    arguments = _arguments(shape, target, levels, weight, pad_level, scale, shift)
    return run_kernel(func, target, *arguments, out=(shape.out_shape, np.float32))


def _reference(shape, levels, weight, pad_level=0):
    return bitserial_conv2d_reference(
        levels, weight, shape.stride, shape.padding, shape.dilation, pad_level=pad_level
    )


@settings(max_examples=60, deadline=None)
@given(
    target=st.sampled_from(runnable_targets()),
    bits=st.sampled_from(BITS),
    batch=st.integers(1, 2),
    height=st.integers(1, 6),
    width=st.sampled_from([1, 2, 5, 7, 13, 17]),
    channels=st.sampled_from([1, 3, 31, 32, 33, 64, 65, 128]),
    out_channels=st.sampled_from([1, 5, 16, 17, 32, 63, 64]),
    kernel=PAIR,
    stride=PAIR,
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    dilation=PAIR,
    wider=st.tuples(st.integers(0, 1), st.integers(0, 1)),
    highest_pad=st.booleans(),
    relu=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_the_reference(
    target,
    bits,
    batch,
    height,
    width,
    channels,
    out_channels,
    kernel,
    stride,
    padding,
    dilation,
    wider,
    highest_pad,
    relu,
    seed,
):
    assume(height + 2 * padding[0] > dilation[0] * (kernel[0] - 1))
    assume(width + 2 * padding[1] > dilation[1] * (kernel[1] - 1))
    border = (padding[0] + wider[0], padding[1] + wider[1])
    geometry = (batch, height, width, channels, out_channels, kernel, stride, padding, dilation, border)
    shape = BitserialConv2dShape(*geometry, **_bits(*bits))
    levels, weight = _operands(shape, seed)
    pad_level = (1 << shape.activation_bits) - 1 if highest_pad else 0
    expected = _reference(shape, levels, weight, pad_level)
    actual = _convolve(shape, target, levels, weight, pad_level, relu=relu)
    np.testing.assert_array_equal(actual, np.maximum(expected, 0) if relu else expected)


@pytest.mark.parametrize("bits", BITS)
def test_equals_topis_bitserial_convolution(bits):
    """TOPI's weights are levels `u`: unipolar itself, bipolar `2 u - (2**bits - 1)`, with padding by 0."""
    shape = BitserialConv2dShape(1, 4, 5, 64, 20, (3, 3), (2, 1), (1, 1), border=(1, 1), **_bits(*bits))
    levels, weight = _operands(shape)
    data = te.placeholder((1, 4, 5, 64), "uint32", name="data")
    kernel = te.placeholder((3, 3, 64, 20), "uint32", name="kernel")
    activation_bits, weight_bits, bipolar = bits
    conv = topi.nn.bitserial_conv2d_nhwc(
        data, kernel, [2, 1], [1, 1], activation_bits, weight_bits, "uint32", "int32", unipolar=bipolar
    )
    topi_func = te.create_prim_func([data, kernel, conv]).with_attr("global_symbol", "topi_bitserial")
    result = tvm.runtime.tensor(np.zeros(shape.out_shape, np.int32))
    tvm.compile(topi_func, target=resolve_target("host"))["topi_bitserial"](
        tvm.runtime.tensor(levels.astype(np.uint32)),
        tvm.runtime.tensor(weight_levels(weight, shape).transpose(2, 3, 1, 0).astype(np.uint32)),
        result,
    )
    np.testing.assert_array_equal(_convolve(shape, "host", levels, weight), result.numpy())


@pytest.mark.parametrize("target", runnable_targets())
@pytest.mark.parametrize("bipolar", [True, False])
def test_each_pair_of_planes_has_its_own_worth(target, bipolar):
    """One channel, one bit set on either side: activations 1, 2, 4, 8 against every weight."""
    bits = _bits(4, 2, bipolar)
    values = weight_values(2, bipolar=bipolar)
    shape = BitserialConv2dShape(1, 1, 4, 1, 4, (1, 1), **bits)
    levels = np.array([1, 2, 4, 8]).reshape(1, 1, 4, 1)
    out = _convolve(shape, target, levels, np.array(values).reshape(4, 1, 1, 1))
    np.testing.assert_array_equal(out[0, 0], np.outer([1, 2, 4, 8], values))


@pytest.mark.parametrize("target", runnable_targets())
@pytest.mark.parametrize("bipolar", [True, False])
@pytest.mark.parametrize(("channels", "dilation"), [(512, (1, 2)), (1040, (1, 1))])
def test_counters_do_not_overflow_at_the_extremes(target, bipolar, channels, dilation):
    """All bits differ, or all are set: the worst case for accumulators of bytes, over several chunks."""
    shape = BitserialConv2dShape(1, 3, 5, channels, 16, (3, 3), dilation=dilation, **_bits(4, 2, bipolar))
    levels = np.full((1, 3, 5, channels), 15)
    for value in {min(weight_values(2, bipolar=bipolar)), 3}:
        weight = np.full((16, channels, 3, 3), value)
        assert (_convolve(shape, target, levels, weight) == 15 * value * shape.taps).all()
        assert (_convolve(shape, target, 0 * levels, weight) == 0).all()


@pytest.mark.parametrize("target", runnable_targets())
def test_activations_of_zero_and_one_are_padded_with_exact_zeros(target):
    """The binary pyramid of segmentation heads: {0, 1} activations, +-1 weights, padding and dilation."""
    geometry = (1, 6, 6, 40, 20, (3, 3), (1, 1), (4, 4), (4, 4), (4, 4))
    shape = BitserialConv2dShape(*geometry, **_bits(1, 1, True))
    levels, weight = _operands(shape)
    ones = np.ones_like(levels)
    np.testing.assert_array_equal(_convolve(shape, target, levels, weight), _reference(shape, levels, weight))
    # Of a map of ones only the centre and one more position in each direction lie inside at a corner.
    corner = weight[:, :, 1:, 1:].sum((1, 2, 3))
    np.testing.assert_array_equal(_convolve(shape, target, ones, weight)[0, 0, 0], corner)


def test_one_bit_is_the_binary_convolution_of_zeros_and_ones():
    """With signs `s = 2 a - 1` the dot product of the signs is `2 dot - sum(weights)`."""
    geometry = (1, 5, 6, 50, 24, (3, 3), (1, 1), (1, 1), (1, 1), (1, 1))
    shape = BitserialConv2dShape(*geometry, **_bits(1, 1, True))
    levels, weight = _operands(shape)
    target = resolve_target("host")
    ones = np.ones(24, np.float32)
    binary = run_kernel(
        binary_conv2d_kernel(BinaryConv2dShape(*geometry), target, relu=False),
        target,
        pack_signs(2.0 * levels - 1, (1, 1), -1),
        pack_weights(weight.astype(np.float32), target),
        ones,
        0 * ones,
        out=(shape.out_shape, np.float32),
    )
    dot = _convolve(shape, "host", levels, weight)
    np.testing.assert_array_equal(binary, 2 * dot - weight.sum((1, 2, 3)))


@pytest.mark.parametrize("target", runnable_targets())
@pytest.mark.parametrize("bipolar", [True, False])
def test_affine_follows_the_relu_and_may_have_negative_scales(target, bipolar):
    shape = BitserialConv2dShape(1, 4, 4, 33, 21, (3, 3), **_bits(2, 1, bipolar))
    levels, weight = _operands(shape)
    rng = np.random.default_rng(1)
    scale = rng.choice([-2.0, -0.5, 0.0, 0.25, 1.0], 21).astype(np.float32)
    shift = rng.integers(-3, 4, 21).astype(np.float32)
    expected = np.maximum(_reference(shape, levels, weight), 0) * scale + shift
    actual = _convolve(shape, target, levels, weight, relu=True, scale=scale, shift=shift)
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("target", runnable_targets())
def test_every_candidate_tile_computes_the_same(target):
    geometry = (1, 3, 7, 32, 17, (3, 3), (1, 1), (1, 1), (1, 1), (1, 1))
    shape = BitserialConv2dShape(*geometry, **_bits(3, 2, True))
    levels, weight = _operands(shape)
    expected = _reference(shape, levels, weight)
    registers = register_file(resolve_target(target))
    for tile in candidate_tiles(shape.out_height, shape.out_width, 17, registers, binary=True)[:3]:
        np.testing.assert_array_equal(_convolve(shape, target, levels, weight, tile=tile), expected)


@pytest.mark.phone
@pytest.mark.parametrize("core", ["arm64", "arm64-dotprod"])
@pytest.mark.parametrize("bits", [(1, 1, True), (4, 1, True), (3, 2, True), (2, 2, False)])
@pytest.mark.parametrize(("channels", "out_channels"), [(64, 32), (33, 21)])
def test_neon_equals_the_reference(tmp_path, core, bits, channels, out_channels):
    target = resolve_target(core)
    geometry = (1, 3, 5, channels, out_channels, (3, 3), (1, 1), (1, 1), (1, 1), (1, 1))
    shape = BitserialConv2dShape(*geometry, **_bits(*bits))
    levels, weight = _operands(shape)
    (out,) = run_neon_kernel(
        tmp_path,
        bitserial_conv2d_kernel(shape, target, relu=True),
        target,
        *_arguments(shape, target, levels, weight, pad_level=1),
        outs=[(shape.out_shape, np.float32)],
    )
    np.testing.assert_array_equal(out, np.maximum(_reference(shape, levels, weight, 1), 0))


@pytest.mark.parametrize(("core", "extra"), [("arm64", 4.0), ("arm64-dotprod", 3.6)])
@pytest.mark.parametrize(("bipolar", "product"), [(True, "eor"), (False, "and")])
def test_neon_counts_whole_vectors_at_the_binary_kernels_cost(core, extra, bipolar, product):
    target = resolve_target(core)
    geometry = (1, 28, 28, 128, 64, (3, 3), (1, 1), (1, 1), (1, 1), (1, 1))
    shape = BitserialConv2dShape(*geometry, **_bits(4, 2, bipolar))
    text = assembly(bitserial_conv2d_kernel(shape, target, relu=True), target)
    assert not re.search(r"\tcnt\tv\d+\.8b", text)  # what a scalar popcount becomes
    assert "AllocWorkspace" not in text
    loops = [loop.split("\n\tb.")[0] for loop in re.split(r"\n(?=\.LBB)", text)]
    loop = max(loops, key=lambda body: body.count("\tcnt\t"))
    pairs = loop.count("\tcnt\t")
    assert len(re.findall(rf"\t{product}\tv\d+\.16b", loop)) == pairs > 0
    assert len(re.findall(r"\n\t[a-z]", loop)) <= extra * pairs


def test_a_tile_that_does_not_fit_the_packed_weights_is_refused():
    shape = BitserialConv2dShape(1, 3, 3, 32, 64, (3, 3), **_bits(2, 1, True))
    with pytest.raises(KernelError, match="expected a tile of 2 vectors"):
        bitserial_conv2d_kernel(shape, resolve_target("znver4"), relu=False, tile=Tile(1, 1, 1, 1))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"activation_bits": 5}, "activations of 1 to 4 bits"),
        ({"weight_bits": 3}, "weights of 1 or 2 bits"),
        ({"in_channels": 1 << 20}, "dot products up to"),
        ({"padding": (1, 1)}, "a stored border at least as wide"),
        ({"height": 0}, "positive extents"),
    ],
)
def test_senseless_shapes_are_refused(fields, message):
    geometry = {"batch": 1, "height": 3, "width": 3, "in_channels": 8, "out_channels": 8, "kernel": (3, 3)}
    with pytest.raises(KernelError, match=message):
        BitserialConv2dShape(**{**geometry, **_bits(4, 2, True), **fields})


def test_products_of_planes_are_counted():
    shape = BitserialConv2dShape(1, 3, 3, 8, 4, (3, 3), **_bits(3, 2, True))
    assert shape.plane_macs == 6 * shape.macs == 6 * 4 * 72


def test_different_kernels_have_different_names():
    target = resolve_target("haswell")
    names = {
        kernel_name(bitserial_conv2d_kernel(shape, target, relu=relu))
        for shape in (BitserialConv2dShape(1, 3, 3, 8, 8, (3, 3), **_bits(*bits)) for bits in BITS)
        for relu in (False, True)
    }
    assert len(names) == 2 * len(BITS)
