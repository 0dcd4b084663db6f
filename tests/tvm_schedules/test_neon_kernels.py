"""NEON kernels compute what they should: the exact cases of the host's tests, executed by qemu-user."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from grouped_case import GroupedCase
from kernel_harness import normal_with_zeros
from neon_harness import run_neon_kernel
from pixel_case import PixelCase

from tvm_schedules.binary_conv2d import (
    BinaryConv2dShape,
    BinaryEpilogue,
    fused_binary_conv2d_kernel,
    pack_weights,
)
from tvm_schedules.combine import CombineShape, combine_kernel
from tvm_schedules.cores import register_file
from tvm_schedules.grouped_conv2d import GroupedEpilogue
from tvm_schedules.pack import PackShape, pack_kernel
from tvm_schedules.packing import PackedOutput
from tvm_schedules.pixel_weights import PixelConv2dShape
from tvm_schedules.reference import binary_conv2d_reference
from tvm_schedules.targets import resolve_target
from tvm_schedules.tile import Counter, default_tile
from tvm_schedules.words import pack_signs

pytestmark = pytest.mark.phone

CORES = ("arm64", "arm64-dotprod")


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(
    # 64 and 96 are blocks of words; 8 and 48 leave filler; 3, 20 and 36 have blocks that fill no integer;
    # 31 and 65 are ragged.
    ("channels", "out_channels", "branches", "floats"),
    [
        (32, 64, 1, True),
        (33, 8, 1, False),
        (65, 31, 2, True),
        (32, 3, 1, False),
        (5, 20, 2, False),
        (32, 36, 1, True),
        (64, 65, 3, True),
        (64, 96, 5, True),
        (32, 48, 1, True),
    ],
)
def test_fused_convolution(tmp_path, core, channels, out_channels, branches, floats):
    target = resolve_target(core)
    rng = np.random.default_rng(0)
    shape = BinaryConv2dShape(1, 4, 7, channels, out_channels, (3, 3), padding=(1, 1), border=(1, 1))
    packed = PackedOutput((1, 2), 1 if floats else -1)
    epilogue = BinaryEpilogue(relu=True, residual=True, floats=floats, packed=packed)
    x = normal_with_zeros(rng, (1, 4, 7, channels))
    weights = [normal_with_zeros(rng, (out_channels, channels, 3, 3)) for _ in range(branches)]
    scale = rng.choice([-2.0, -0.5, 0.0, 0.25, 1.0], branches * out_channels).astype(np.float32)
    shift = rng.integers(-3, 4, branches * out_channels).astype(np.float32)
    residual = rng.integers(-4, 5, shape.out_shape).astype(np.float32)
    results = run_neon_kernel(
        tmp_path,
        fused_binary_conv2d_kernel(shape, target, epilogue, branches=branches),
        target,
        pack_signs(x, (1, 1)),
        np.concatenate([pack_weights(weight, target) for weight in weights]),
        scale,
        shift,
        residual,
        outs=[(shape.out_shape, np.float32)] * branches * floats
        + [(packed.shape(*shape.out_shape), np.uint32)] * branches,
    )
    for branch, weight in enumerate(weights):
        own = slice(branch * out_channels, (branch + 1) * out_channels)
        dot = np.maximum(binary_conv2d_reference(x, weight, padding=(1, 1)), 0)
        expected = dot * scale[own] + shift[own] + residual
        if floats:
            np.testing.assert_array_equal(results[branch], expected)
        np.testing.assert_array_equal(
            results[branch - branches], pack_signs(expected, packed.border, packed.pad_value)
        )


@pytest.mark.parametrize(
    ("core", "counter", "channels", "kernel"),
    [
        # All ones in one half of each lane, almost as many as fit its 16 bits; then more than fit.
        ("arm64", Counter.PAIRS, 16, (13, 210)),
        ("arm64-dotprod", Counter.PAIRS, 16, (13, 210)),
        ("arm64", None, 16, (13, 211)),
        ("arm64", Counter.BYTES, 33, (3, 3)),
    ],
)
def test_counters_hold_the_extremes(tmp_path, core, counter, channels, kernel):
    target = resolve_target(core)
    shape = BinaryConv2dShape(1, *kernel, channels, 8, kernel)
    tile = default_tile(1, 1, 8, register_file(target), binary=True)
    tile = replace(tile, counter=counter)
    x = np.ones((1, *kernel, channels), np.float32)
    weight = np.random.default_rng(0).choice([-1.0, 1.0], (8, channels, *kernel))
    weight[0], weight[1], weight[2, ::2], weight[2, 1::2] = -1, 1, -1, 1
    (out,) = run_neon_kernel(
        tmp_path,
        fused_binary_conv2d_kernel(shape, target, BinaryEpilogue(relu=False), tile=tile),
        target,
        pack_signs(x),
        pack_weights(weight, target),
        np.ones(8, np.float32),
        np.zeros(8, np.float32),
        outs=[(shape.out_shape, np.float32)],
    )
    np.testing.assert_array_equal(out[0, 0, 0], weight.sum((1, 2, 3)))


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(
    # Blocks of words, blocks that fill no integer, ragged ones.
    ("channels", "out_channels", "branches", "written"),
    [
        (64, 64, 5, (False, True, True, True)),
        (33, 20, 2, (False, False, True, False)),
        (32, 31, 3, (True, True, True, False)),
        (65, 48, 4, (True, False, False, False)),
    ],
)
def test_grouped_convolution(tmp_path, core, channels, out_channels, branches, written):
    mixed, floats, is_packed, in_place = written
    shape = BinaryConv2dShape(1, 5, 7, channels, out_channels, (3, 3), padding=(1, 1), border=(1, 1))
    packed = PackedOutput((1, 1), -1) if is_packed else None
    epilogue = GroupedEpilogue(True, True, mixed, floats, packed, in_place)
    case = GroupedCase(shape, epilogue, branches, shows=branches != 5)
    run = partial(run_neon_kernel, tmp_path)
    case.check(run, resolve_target(core), np.random.default_rng(0))


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("channels", [5, 64, 81])
def test_combination(tmp_path, core, channels):
    target = resolve_target(core)
    rng = np.random.default_rng(0)
    shape = CombineShape(1, 3, 4, channels, 3)
    packed = PackedOutput((1, 1), 1)
    y = rng.integers(-8, 9, (3, *shape.tensor_shape)).astype(np.float32)
    own, weight, share = rng.choice([-2.0, -0.5, 0.0, 0.25, 1.0], (3, 3)).astype(np.float32)
    m, *rest = run_neon_kernel(
        tmp_path,
        combine_kernel(shape, target, mixed=True, floats=True, packed=packed),
        target,
        *(*y, own, weight, share),
        outs=[(shape.tensor_shape, np.float32)] * 4 + [(packed.shape(*shape.tensor_shape), np.uint32)] * 3,
    )
    np.testing.assert_array_equal(m, np.tensordot(weight, y, 1))
    for k in range(3):
        expected = own[k] * y[k] + share[k] * m
        np.testing.assert_array_equal(rest[k], expected)
        np.testing.assert_array_equal(rest[3 + k], pack_signs(expected, packed.border, packed.pad_value))


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize("channels", [3, 64, 77])
def test_pack(tmp_path, core, channels):
    target = resolve_target(core)
    shape = PackShape(1, 3, 4, channels, (1, 0), 1)
    x = normal_with_zeros(np.random.default_rng(0), shape.in_shape)
    x[0, 0, 0, 0] = np.nan
    (words,) = run_neon_kernel(
        tmp_path, pack_kernel(shape, target), target, x, outs=[(shape.out_shape, np.uint32)]
    )
    np.testing.assert_array_equal(words, pack_signs(x, (1, 0), 1))


@pytest.mark.parametrize("core", ["arm64-dotprod", "cortex-a510"])
@pytest.mark.parametrize(
    ("channels", "out_channels", "kernel", "stride", "value"),
    [
        (3, 21, 7, 2, None),
        (3, 8, 3, 1, None),
        (4, 5, 5, 1, None),
        (1, 16, 1, 1, None),
        (3, 8, 7, 2, 0),
        (3, 8, 7, 1, 255),
    ],
)
def test_convolution_of_pixels(tmp_path, core, channels, out_channels, kernel, stride, value):
    target = resolve_target(core)
    pair = (kernel,) * 2
    shape = PixelConv2dShape(2, 9, 14, channels, out_channels, pair, (stride,) * 2, (kernel // 2,) * 2)
    case = PixelCase.random(shape)
    if value is not None:
        case = replace(case, pixels=np.full(shape.in_shape, value, np.uint8))
    (actual,) = run_neon_kernel(
        tmp_path, case.kernel(target), target, *case.operands(target), outs=[(shape.out_shape, np.float32)]
    )
    assert (np.abs(actual - case.expected()) <= case.bound()).all()
