"""The binary convolution is exact: against the reference, against TOPI's definition, and by construction."""

import numpy as np
import pytest
import tvm
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kernel_harness import kernel_name, normal_with_zeros, run_kernel, runnable_targets
from tvm import te, topi

from tvm_schedules.binary_conv2d import (
    BinaryConv2dShape,
    binary_conv2d_kernel,
    binary_dense_kernel,
    pack_weights,
)
from tvm_schedules.cores import register_file
from tvm_schedules.errors import KernelError
from tvm_schedules.reference import binary_conv2d_reference, sign
from tvm_schedules.targets import resolve_target
from tvm_schedules.tile import Tile, candidate_tiles
from tvm_schedules.words import pack_signs

PAIR = st.tuples(st.integers(1, 3), st.integers(1, 3))


def _convolve(shape, target_text, x, weight, pad_value=1, *, relu=False, scale=None, shift=None, tile=None):
    target = resolve_target(target_text)
    ones = np.ones(shape.out_channels, np.float32)
    return run_kernel(
        binary_conv2d_kernel(shape, target, relu=relu, tile=tile),
        target,
        pack_signs(x, shape.border, pad_value),
        pack_weights(weight, target),
        ones if scale is None else scale,
        0 * ones if shift is None else shift,
        out=(shape.out_shape, np.float32),
    )


def _operands(shape, seed=0):
    rng = np.random.default_rng(seed)
    x = normal_with_zeros(rng, (shape.batch, shape.height, shape.width, shape.in_channels))
    return x, normal_with_zeros(rng, (shape.out_channels, shape.in_channels, *shape.kernel))


def _reference(shape, x, weight, pad_value=1):
    return binary_conv2d_reference(x, weight, shape.stride, shape.padding, shape.dilation, pad_value)


@settings(max_examples=50, deadline=None)
@given(
    target=st.sampled_from(runnable_targets()),
    batch=st.integers(1, 2),
    height=st.integers(1, 7),
    width=st.sampled_from([1, 2, 5, 7, 13, 17, 23]),
    channels=st.sampled_from([1, 3, 31, 32, 33, 64, 65, 128]),
    out_channels=st.sampled_from([1, 5, 16, 17, 32, 63, 64, 100]),
    kernel=PAIR,
    stride=PAIR,
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    dilation=PAIR,
    wider=st.tuples(st.integers(0, 1), st.integers(0, 1)),
    pad_value=st.sampled_from([1, -1]),
    relu=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_the_reference(
    target,
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
    pad_value,
    relu,
    seed,
):
    assume(height + 2 * padding[0] > dilation[0] * (kernel[0] - 1))
    assume(width + 2 * padding[1] > dilation[1] * (kernel[1] - 1))
    border = (padding[0] + wider[0], padding[1] + wider[1])
    shape = BinaryConv2dShape(
        batch, height, width, channels, out_channels, kernel, stride, padding, dilation, border
    )
    x, weight = _operands(shape, seed)
    expected = _reference(shape, x, weight, pad_value)
    actual = _convolve(shape, target, x, weight, pad_value, relu=relu)
    np.testing.assert_array_equal(actual, np.maximum(expected, 0) if relu else expected)


@pytest.mark.parametrize("target", runnable_targets())
@pytest.mark.parametrize("dilation", [(1, 1), (1, 2)])
@pytest.mark.parametrize("channels", [32, 512, 1040])
def test_counters_do_not_overflow_where_every_sign_differs(target, channels, dilation):
    """The worst case for accumulators of bytes: +8 a step, over one to several chunks of 31 steps."""
    shape = BinaryConv2dShape(1, 3, 5, channels, 16, (3, 3), dilation=dilation)
    x = np.ones((1, 3, 5, channels), np.float32)
    weight = -np.ones((16, channels, 3, 3), np.float32)
    assert (_convolve(shape, target, x, weight) == -shape.taps).all()
    assert (_convolve(shape, target, x, -weight) == shape.taps).all()


@pytest.mark.parametrize("target", runnable_targets())
def test_affine_follows_the_relu_and_may_have_negative_scales(target):
    shape = BinaryConv2dShape(1, 4, 4, 33, 21, (3, 3))
    x, weight = _operands(shape)
    rng = np.random.default_rng(1)
    scale, shift = (rng.standard_normal(21).astype(np.float32) for _ in range(2))
    expected = np.maximum(_reference(shape, x, weight), 0) * scale.astype(np.float64) + shift
    actual = _convolve(shape, target, x, weight, relu=True, scale=scale, shift=shift)
    # One rounding (fused) or two (not) of a product of an exact integer.
    np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize("target", runnable_targets())
@pytest.mark.parametrize("channels", [32, 40])
def test_opposite_signs_give_the_opposite_dot(target, channels):
    """What `verify` relies on to see a dot product through a ReLU: relu(dot) - relu(-dot) = dot."""
    shape = BinaryConv2dShape(1, 5, 5, channels, 20, (3, 3), padding=(1, 1), border=(1, 1))
    x, weight = _operands(shape)
    opposite = np.where(x >= 0, -1, 1).astype(np.float32)
    seen = _convolve(shape, target, x, weight, 1, relu=True)
    hidden = _convolve(shape, target, opposite, weight, -1, relu=True)
    np.testing.assert_array_equal(seen - hidden, _reference(shape, x, weight, 1))


def test_equals_topis_bitserial_convolution():
    """TOPI's "unipolar" means activations 0 or 1 and weights -1 or +1, and pads with 0.

    With signs s = 2 a - 1 the dot product is `2 * unipolar - sum(weights)`, and its padding of 0 is our -1.
    """
    shape = BinaryConv2dShape(1, 6, 7, 64, 20, (3, 3), (2, 1), (1, 1), border=(1, 1))
    x, weight = _operands(shape)
    data = te.placeholder((1, 6, 7, 64), "uint32", name="data")
    kernel = te.placeholder((3, 3, 64, 20), "uint32", name="kernel")
    conv = topi.nn.bitserial_conv2d_nhwc(data, kernel, [2, 1], [1, 1], 1, 1, "uint32", "int32", unipolar=True)
    topi_func = te.create_prim_func([data, kernel, conv]).with_attr("global_symbol", "topi_bitserial")
    host = resolve_target("host")
    result = tvm.runtime.tensor(np.zeros(shape.out_shape, np.int32))
    tvm.compile(topi_func, target=host)["topi_bitserial"](
        tvm.runtime.tensor((x >= 0).astype(np.uint32)),
        tvm.runtime.tensor((weight >= 0).transpose(2, 3, 1, 0).astype(np.uint32)),
        result,
    )
    expected = 2 * result.numpy() - sign(weight).sum((1, 2, 3))
    np.testing.assert_array_equal(_convolve(shape, "host", x, weight, pad_value=-1), expected)


@pytest.mark.parametrize("target", runnable_targets())
def test_every_candidate_tile_computes_the_same(target):
    shape = BinaryConv2dShape(1, 3, 7, 32, 17, (3, 3), padding=(1, 1), border=(1, 1))
    x, weight = _operands(shape)
    expected = _reference(shape, x, weight)
    registers = register_file(resolve_target(target))
    for tile in candidate_tiles(shape.out_height, shape.out_width, 17, registers, binary=True)[:6]:
        np.testing.assert_array_equal(_convolve(shape, target, x, weight, tile=tile), expected)


def test_a_tile_that_does_not_fit_the_packed_weights_is_refused():
    shape = BinaryConv2dShape(1, 3, 3, 32, 64, (3, 3))
    with pytest.raises(KernelError, match="expected a tile of 2 vectors"):
        binary_conv2d_kernel(shape, resolve_target("znver4"), relu=False, tile=Tile(1, 1, 1, 1))


@pytest.mark.parametrize("target", runnable_targets())
@pytest.mark.parametrize("batch", [1, 19])
def test_binary_dense(target, batch):
    tvm_target = resolve_target(target)
    rng = np.random.default_rng(0)
    x, weight = normal_with_zeros(rng, (1, 1, batch, 70)), normal_with_zeros(rng, (10, 70, 1, 1))
    func = binary_dense_kernel(batch, 70, 10, tvm_target, relu=False)
    operands = (pack_signs(x), pack_weights(weight, tvm_target), np.ones(10, np.float32))
    out = run_kernel(
        func, tvm_target, *operands, np.zeros(10, np.float32), out=((1, 1, batch, 10), np.float32)
    )
    np.testing.assert_array_equal(out[0, 0], sign(x[0, 0]) @ sign(weight[:, :, 0, 0]).T)


@pytest.mark.parametrize("target", ["znver4", "haswell", "x86-64", "arm64", "arm64-dotprod"])
@pytest.mark.parametrize(("out_channels", "in_channels"), [(1, 1), (5, 33), (16, 32), (17, 65), (100, 64)])
def test_packed_weights_hold_channel_o_in_its_lane(target, out_channels, in_channels):
    tvm_target = resolve_target(target)
    _, weight = _operands(BinaryConv2dShape(1, 4, 4, in_channels, out_channels, (2, 3)))
    packed = pack_weights(weight, tvm_target)
    shape = BinaryConv2dShape(1, 4, 4, in_channels, out_channels, (2, 3))
    assert packed.shape == shape.packed_weight_shape(tvm_target)
    block = packed.shape[-1]
    expected = pack_signs(weight.transpose(0, 2, 3, 1))
    for channel in range(packed.shape[0] * block):
        lane = packed[channel // block, ..., channel % block]
        np.testing.assert_array_equal(lane, expected[channel] if channel < out_channels else 0)


def test_different_kernels_have_different_names():
    target = resolve_target("haswell")
    shapes = [BinaryConv2dShape(1, 4, 4, 32, 16, (3, 3), border=border) for border in ((0, 0), (1, 0))]
    names = {
        kernel_name(binary_conv2d_kernel(s, target, relu=relu)) for s in shapes for relu in (False, True)
    }
    assert len(names) == 4
