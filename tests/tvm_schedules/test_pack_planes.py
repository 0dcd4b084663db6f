"""The packing kernel of bit planes equals quantising and packing on the host, bit for bit."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_harness import CROSS_TARGETS, assembly, kernel_name, run_kernel, runnable_targets
from neon_harness import run_neon_kernel

from tvm_schedules.bitplanes import ACTIVATION_BITS, pack_levels, quantise
from tvm_schedules.errors import KernelError
from tvm_schedules.pack_planes import PackPlanesShape, pack_planes_kernel
from tvm_schedules.targets import resolve_target


def _pack(shape, target_text, x):
    target = resolve_target(target_text)
    return run_kernel(pack_planes_kernel(shape, target), target, x, out=(shape.out_shape, np.uint32))


def _expected(shape, x):
    levels = quantise(x, shape.bits)
    return pack_levels(levels, shape.bits, shape.border, shape.pad_level).reshape(shape.out_shape)


def _activations(shape, seed=0):
    """Values around the unit interval, among them the halves between levels and their neighbours."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-0.3, 1.3, shape.in_shape).astype(np.float32)
    top = (1 << shape.bits) - 1
    half = ((rng.integers(-1, top + 1, shape.in_shape) + 0.5) / top).astype(np.float32)
    kind = rng.integers(0, 8, shape.in_shape)
    x = np.where(kind == 0, half, x)
    x = np.where(kind == 1, np.nextafter(half, np.float32(2)), x)
    x = np.where(kind == 2, np.nextafter(half, np.float32(-2)), x)
    return np.where(kind == 3, rng.choice(np.float32([0, -0.0, 1, np.inf, -np.inf, np.nan]), x.shape), x)


@settings(max_examples=40, deadline=None)
@given(
    target=st.sampled_from(runnable_targets()),
    size=st.tuples(st.integers(1, 2), st.integers(1, 4), st.integers(1, 4)),
    channels=st.sampled_from([1, 3, 4, 15, 16, 20, 31, 32, 33, 63, 64, 65, 100, 128]),
    bits=st.sampled_from(ACTIVATION_BITS),
    border=st.tuples(st.integers(0, 3), st.integers(0, 3)),
    pad=st.integers(0, 15),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_the_hosts_packing(target, size, channels, bits, border, pad, seed):
    shape = PackPlanesShape(*size, channels, bits, border, pad % (1 << bits))
    x = _activations(shape, seed)
    np.testing.assert_array_equal(_pack(shape, target, x), _expected(shape, x))


@pytest.mark.parametrize("target", runnable_targets())
@pytest.mark.parametrize("channels", [40, 64])
def test_one_hot_channels_and_levels(target, channels):
    """Pixel `c` has a level in channel `c` alone: bit `c % 32` of word `c // 32` of the level's planes."""
    level = np.arange(channels) % 15 + 1
    x = (np.diag(level) / 15).astype(np.float32)[None, None]
    planes = _pack(PackPlanesShape(1, 1, channels, channels, 4), target, x)[:, 0]
    for channel in range(channels):
        expected = np.zeros((4, 2), np.uint32)
        expected[:, channel // 32] = (level[channel] >> np.arange(4) & 1) << (channel % 32)
        np.testing.assert_array_equal(planes[:, channel], expected)


@pytest.mark.parametrize("target", runnable_targets())
@pytest.mark.parametrize("bits", [2, 4])
def test_rounds_products_as_float32_does(target, bits):
    """Every float next to a half between levels: one rounding of product and sum together would differ."""
    top = (1 << bits) - 1
    half = ((np.arange(top) + 0.5) / top).astype(np.float32).view(np.int32)
    near = (half[:, None] + np.arange(-32, 32, dtype=np.int32)).view(np.float32).reshape(1, 1, top, 64)
    shape = PackPlanesShape(1, 1, top, 64, bits)
    np.testing.assert_array_equal(_pack(shape, target, near), _expected(shape, near))


@pytest.mark.phone
@pytest.mark.parametrize("core", ["arm64", "arm64-dotprod"])
@pytest.mark.parametrize(("channels", "bits"), [(64, 1), (77, 2), (3, 4)])
def test_neon_equals_the_hosts_packing(tmp_path, core, channels, bits):
    target = resolve_target(core)
    shape = PackPlanesShape(1, 3, 4, channels, bits, (1, 2), pad_level=1)
    x = _activations(shape)
    (planes,) = run_neon_kernel(
        tmp_path, pack_planes_kernel(shape, target), target, x, outs=[(shape.out_shape, np.uint32)]
    )
    np.testing.assert_array_equal(planes, _expected(shape, x))


@pytest.mark.parametrize("target_text", CROSS_TARGETS)
def test_levels_stay_in_registers(target_text):
    target = resolve_target(target_text)
    text = assembly(pack_planes_kernel(PackPlanesShape(1, 8, 8, 64, 2), target), target)
    assert "AllocWorkspace" not in text
    assert not re.search(r"\t(rint|nearbyint|round)", text)  # rounding costs an addition, not a call


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"channels": 0}, "positive extents"),
        ({"border": (0, -1)}, "a border >= 0"),
        ({"bits": 5}, "activations of 1 to 4 bits"),
        ({"pad_level": 4}, "a padding level 0 .. 3"),
    ],
)
def test_senseless_shapes_are_refused(fields, message):
    with pytest.raises(KernelError, match=message):
        PackPlanesShape(**{"batch": 1, "height": 2, "width": 2, "channels": 3, "bits": 2, **fields})


def test_different_kernels_have_different_names():
    target = resolve_target("haswell")
    shapes = [PackPlanesShape(1, 2, 2, 3, bits, border) for bits in (1, 2) for border in ((0, 0), (1, 0))]
    shapes.append(PackPlanesShape(1, 2, 2, 3, 2, (1, 0), pad_level=3))
    assert len({kernel_name(pack_planes_kernel(shape, target)) for shape in shapes}) == 5
