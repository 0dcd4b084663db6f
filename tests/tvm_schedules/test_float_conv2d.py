"""Float convolution and dense layers against the float64 references."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kernel_harness import run_kernel, runnable_targets

from tvm_schedules.errors import KernelError
from tvm_schedules.float_conv2d import (
    FloatConv2dShape,
    dense_kernel,
    float_conv2d_kernel,
    pack_dense_weights,
    pack_float_weights,
)
from tvm_schedules.float_source import zero_row
from tvm_schedules.reference import dense_reference, float_conv2d_reference
from tvm_schedules.targets import resolve_target
from tvm_schedules.tile import Tile

PAIR = st.tuples(st.integers(1, 3), st.integers(1, 3))

# Sums of a few hundred float32 products of normal numbers: errors stay below 1e-5 of a sum's spread (20).
TOLERANCE = {"rtol": 1e-4, "atol": 2e-4}


@settings(max_examples=30, deadline=None)
@given(
    target=st.sampled_from(runnable_targets()),
    batch=st.integers(1, 2),
    height=st.integers(1, 7),
    width=st.sampled_from([1, 5, 7, 13, 17, 23]),
    channels=st.sampled_from([1, 3, 4, 5, 16, 33]),
    out_channels=st.sampled_from([1, 5, 16, 17, 21, 64, 100]),
    kernel=PAIR,
    stride=PAIR,
    padding=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    dilation=PAIR,
    bias=st.booleans(),
    relu=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_the_reference(
    target, batch, height, width, channels, out_channels, kernel, stride, padding, dilation, bias, relu, seed
):
    assume(height + 2 * padding[0] > dilation[0] * (kernel[0] - 1))
    assume(width + 2 * padding[1] > dilation[1] * (kernel[1] - 1))
    shape = FloatConv2dShape(batch, height, width, channels, out_channels, kernel, stride, padding, dilation)
    tvm_target = resolve_target(target)
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape.in_shape).astype(np.float32)
    weight = rng.standard_normal((out_channels, channels, *kernel)).astype(np.float32)
    offsets = rng.standard_normal(out_channels).astype(np.float32)
    func = float_conv2d_kernel(shape, tvm_target, bias=bias, relu=relu)
    operands = [x, pack_float_weights(weight, tvm_target), *([offsets] if bias else [])]
    actual = run_kernel(func, tvm_target, *operands, out=(shape.out_shape, np.float32))
    expected = float_conv2d_reference(
        x, weight, stride, padding, dilation, offsets if bias else None, relu=relu
    )
    np.testing.assert_allclose(actual, expected, **TOLERANCE)


@pytest.mark.parametrize("target", runnable_targets())
@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("padding", [(0, 0), (1, 2)])
def test_pixels_minus_their_zero_between_zeros(target, channels, padding):
    tvm_target = resolve_target(target)
    shape = FloatConv2dShape(2, 7, 13, channels, 5, (3, 3), (2, 1), padding)
    rng = np.random.default_rng(channels)
    pixels = rng.integers(0, 256, shape.in_shape, np.uint8)
    zero = rng.uniform(0, 255, channels).astype(np.float32)
    weight = (rng.standard_normal((5, channels, 3, 3)) / 64).astype(np.float32)
    func = float_conv2d_kernel(shape, tvm_target, bias=False, relu=False, pixels=True)
    operands = [pixels, zero_row(zero, shape.width), pack_float_weights(weight, tvm_target)]
    actual = run_kernel(func, tvm_target, *operands, out=(shape.out_shape, np.float32))
    expected = float_conv2d_reference(pixels - zero, weight, shape.stride, padding, (1, 1))
    np.testing.assert_allclose(actual, expected, **TOLERANCE)


@pytest.mark.parametrize("target", runnable_targets())
@pytest.mark.parametrize(("batch", "features", "classes"), [(1, 512, 1000), (9, 33, 10), (20, 7, 1)])
@pytest.mark.parametrize("bias", [True, False])
def test_dense(target, batch, features, classes, bias):
    tvm_target = resolve_target(target)
    rng = np.random.default_rng(0)
    x, weight, offsets = (
        rng.standard_normal(size).astype(np.float32)
        for size in ((batch, features), (classes, features), (classes,))
    )
    func = dense_kernel(batch, features, classes, tvm_target, bias=bias, relu=True)
    operands = [x, pack_dense_weights(weight, tvm_target), *([offsets] if bias else [])]
    actual = run_kernel(func, tvm_target, *operands, out=((batch, classes), np.float32))
    expected = dense_reference(x, weight, offsets if bias else None, relu=True)
    np.testing.assert_allclose(actual, expected, **TOLERANCE)


def test_padding_is_zero_even_where_the_workspace_was_dirty():
    """Two calls share the runtime's workspace: the second must not see the first's numbers."""
    target = resolve_target("host")
    weight = pack_float_weights(np.ones((1, 1, 3, 3), np.float32), target)
    shape = FloatConv2dShape(1, 4, 4, 1, 1, (3, 3), padding=(1, 1))
    func = float_conv2d_kernel(shape, target, bias=False, relu=False)
    for value in (7.0, 1.0):
        x = np.full(shape.in_shape, value, np.float32)
        out = run_kernel(func, target, x, weight, out=(shape.out_shape, np.float32))
        assert out[0, 0, 0, 0] == 4 * value
        assert out[0, 1, 1, 0] == 9 * value


@pytest.mark.parametrize("target", ["haswell", "arm64"])
def test_packed_weights_hold_channel_o_in_its_lane(target):
    tvm_target = resolve_target(target)
    weight = np.random.default_rng(0).standard_normal((21, 5, 2, 3)).astype(np.float32)
    packed = pack_float_weights(weight, tvm_target)
    assert packed.shape == FloatConv2dShape(1, 4, 4, 5, 21, (2, 3)).packed_weight_shape(tvm_target)
    lanes = packed.transpose(0, 4, 1, 2, 3).reshape(-1, 2, 3, 5)
    np.testing.assert_array_equal(lanes[:21], weight.transpose(0, 2, 3, 1))
    assert not lanes[21:].any()


def test_a_tile_that_does_not_fit_the_packed_weights_is_refused():
    shape = FloatConv2dShape(1, 3, 3, 4, 64, (3, 3))
    with pytest.raises(KernelError, match="expected a tile of 2 vectors"):
        float_conv2d_kernel(shape, resolve_target("haswell"), bias=False, relu=False, tile=Tile(1, 1, 1, 1))


def test_a_dense_weight_needs_two_axes():
    with pytest.raises(KernelError, match=r"expected a weight \[O, C\]; got 3 axes"):
        pack_dense_weights(np.zeros((2, 3, 1), np.float32), resolve_target("host"))
