"""Convolutions of pixels by their bytes against float64, by construction and by searched shapes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kernel_harness import run_kernel, runnable_targets
from pixel_case import PixelCase

from tvm_schedules.errors import KernelError
from tvm_schedules.float_conv2d import FloatConv2dShape, float_conv2d_kernel, pack_float_weights
from tvm_schedules.float_source import zero_row
from tvm_schedules.pixel_conv2d import pixel_conv2d_kernel, pixel_kernel_pays
from tvm_schedules.pixel_weights import MOST_TAPS, PixelConv2dShape, pixel_registers
from tvm_schedules.targets import resolve_target
from tvm_schedules.tile import Tile, candidate_tiles

PAIR = st.tuples(st.integers(1, 3), st.integers(1, 3))
HOST = resolve_target("host")
needs_bytes = pytest.mark.skipif(
    pixel_registers(HOST) is None, reason="needs a processor that multiplies bytes (AVX-512 VNNI)"
)


def run(case, **options):
    """Run a case here."""
    return run_kernel(
        case.kernel(HOST, **options), HOST, *case.operands(HOST), out=(case.shape.out_shape, np.float32)
    )


def check(case, **options):
    """Run a case, and hold it against float64 and its bound."""
    actual = run(case, **options)
    error = np.abs(actual - case.expected(relu=bool(options.get("relu"))))
    assert (error <= case.bound()).all(), f"{(error / case.bound()).max():.2f} of the bound"
    return actual


@needs_bytes
@settings(max_examples=25, deadline=None)
@given(
    batch=st.integers(1, 2),
    height=st.integers(1, 9),
    width=st.sampled_from([1, 2, 5, 8, 13, 17, 24, 33]),
    channels=st.sampled_from([1, 2, 3, 4, 5, 16]),
    out_channels=st.sampled_from([1, 5, 16, 17, 21, 64]),
    kernel=PAIR,
    stride=PAIR,
    padding=st.tuples(st.integers(0, 4), st.integers(0, 4)),
    dilation=PAIR,
    relu=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_is_within_its_bound(
    batch, height, width, channels, out_channels, kernel, stride, padding, dilation, relu, seed
):
    assume(height + 2 * padding[0] > dilation[0] * (kernel[0] - 1))
    assume(width + 2 * padding[1] > dilation[1] * (kernel[1] - 1))
    shape = PixelConv2dShape(batch, height, width, channels, out_channels, kernel, stride, padding, dilation)
    assume(shape.taps <= MOST_TAPS)
    check(PixelCase.random(shape, seed), relu=relu)


@needs_bytes
@pytest.mark.parametrize("kernel", [1, 3, 5, 7])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_stems(kernel, stride, channels):
    shape = PixelConv2dShape(2, 14, 18, channels, 21, (kernel,) * 2, (stride,) * 2, (kernel // 2,) * 2)
    case = PixelCase.random(shape, kernel)
    check(case)
    for value in (0, 255):
        check(replace(case, pixels=np.full(shape.in_shape, value, np.uint8)))


@needs_bytes
def test_one_hot_pixels_and_taps():
    """Each tap with each pixel value: nothing is summed, so that one rounding of the scale is left."""
    shape = PixelConv2dShape(1, 5, 6, 3, 9, (3, 3), padding=(1, 1))
    for tap in range(27):
        weight = np.zeros((9, 27), np.float32)
        weight[:, tap] = np.float32([1, -1, 0.5, 3e30, -3e30, 1e-30, 0, 127, 1 / 3])
        pixels = np.zeros(shape.in_shape, np.uint8)
        pixels[0, tap % 5, tap % 6, tap % 3] = 255 - 7 * tap
        case = PixelCase(
            shape, pixels, weight.reshape(9, 3, 3, 3), np.zeros(3, np.float32), np.zeros(9, np.float32)
        )
        np.testing.assert_allclose(run(case), case.expected(), rtol=2.0**-21)


@needs_bytes
def test_weights_of_every_size_keep_to_their_channel():
    shape = PixelConv2dShape(1, 9, 9, 3, 6, (7, 7), (2, 2), (3, 3))
    case = PixelCase.random(shape)
    sizes = np.float32([1e30, 1e-30, 0, 1, 1e-38, 1e-3])[:, None, None, None]
    case = replace(case, weight=case.weight * sizes, bias=np.float32([0, 0, 5, 0, 0, 0]))
    actual = check(case)
    np.testing.assert_array_equal(actual[..., 2], 5)


@needs_bytes
def test_an_image_of_zeros_and_its_border_are_the_bias():
    shape = PixelConv2dShape(1, 11, 10, 3, 20, (7, 7), (2, 2), (3, 3))
    case = PixelCase.random(shape)
    zero = np.float32([7, 100, 255])
    case = replace(case, zero=zero, pixels=np.broadcast_to(zero.astype(np.uint8), shape.in_shape))
    np.testing.assert_allclose(run(case), np.broadcast_to(case.bias, shape.out_shape), atol=3e-5)


@needs_bytes
def test_the_largest_sums_do_not_overflow():
    shape = PixelConv2dShape(1, 16, 16, 1, 2, (16, 16))
    assert shape.taps == MOST_TAPS
    weight = np.ones((2, 1, 16, 16), np.float32)
    weight[1] = -1
    pixels = np.full(shape.in_shape, 255, np.uint8)
    nothing = np.zeros(2, np.float32)
    case = PixelCase(shape, pixels, weight, nothing[:1], nothing)
    np.testing.assert_allclose(run(case).ravel(), [255 * 256, -255 * 256], rtol=1e-6)


@needs_bytes
@pytest.mark.parametrize("seed", range(3))
def test_errs_less_than_the_float_kernel(seed):
    shape = PixelConv2dShape(1, 40, 40, 3, 32, (7, 7), (2, 2), (3, 3))
    case = PixelCase.random(shape, seed)
    of_floats = FloatConv2dShape(1, 40, 40, 3, 32, (7, 7), (2, 2), (3, 3))
    kernel = float_conv2d_kernel(of_floats, HOST, bias=True, relu=False, pixels=True)
    operands = [case.pixels, zero_row(case.zero, 40), pack_float_weights(case.weight, HOST), case.bias]
    floats = run_kernel(kernel, HOST, *operands, out=(shape.out_shape, np.float32))
    errors = [np.abs(result - case.expected()) for result in (run(case), floats)]
    assert np.sqrt(np.mean(errors[0] ** 2)) < np.sqrt(np.mean(errors[1] ** 2))
    assert errors[0].max() < errors[1].max()


@needs_bytes
def test_every_tile_gives_the_same_bits():
    shape = PixelConv2dShape(1, 9, 30, 3, 33, (3, 3), padding=(1, 1))
    case = PixelCase.random(shape)
    default = run(case)
    registers = pixel_registers(HOST)
    tiles = candidate_tiles(shape.out_height, shape.out_width, 33, registers, binary=False)
    assert len(tiles) > 5
    for tile in tiles[1::5]:
        np.testing.assert_array_equal(run(case, tile=tile), default)


@needs_bytes
def test_a_wide_image_is_gathered_part_by_part():
    shape = PixelConv2dShape(1, 8, 700, 3, 5, (7, 7), (2, 2), (3, 3))
    check(PixelCase.random(shape))


def test_no_float_where_targets_cannot_or_sums_would_overflow():
    shape = PixelConv2dShape(1, 20, 20, 3, 64, (7, 7), (2, 2), (3, 3))
    for target, pays in (("znver4", True), ("arm64-dotprod", True), ("haswell", False), ("arm64", False)):
        assert pixel_kernel_pays(shape, resolve_target(target)) is pays
    with pytest.raises(KernelError, match="expected a target with a byte dot product"):
        pixel_conv2d_kernel(shape, resolve_target("haswell"), relu=False)
    large = replace(shape, kernel=(11, 11))
    assert not pixel_kernel_pays(large, resolve_target("znver4"))
    with pytest.raises(KernelError, match="expected at most 256 taps"):
        pixel_conv2d_kernel(large, resolve_target("znver4"), relu=False)


@pytest.mark.parametrize(
    ("channels", "out_channels", "kernel", "pays"),
    [(3, 64, 3, True), (3, 16, 3, False), (4, 16, 1, False), (1, 64, 7, True), (1, 32, 5, False)],
)
def test_pays_where_groups_save_more_than_copies_cost(channels, out_channels, kernel, pays):
    shape = PixelConv2dShape(1, 32, 32, channels, out_channels, (kernel,) * 2)
    assert pixel_kernel_pays(shape, resolve_target("znver4")) is pays


def test_a_tile_that_does_not_fit_the_packed_weights_is_refused():
    shape = PixelConv2dShape(1, 9, 9, 3, 64, (3, 3))
    with pytest.raises(KernelError, match="expected a tile of 1 vectors"):
        pixel_conv2d_kernel(shape, resolve_target("znver4"), relu=False, tile=Tile(1, 1, 2, 1))


def test_this_machine_is_among_the_targets():
    """A skip here must not hide that nothing was run where it could be."""
    assert "host" in runnable_targets()
