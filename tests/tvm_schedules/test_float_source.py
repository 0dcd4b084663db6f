"""The copy of a float convolution's input: converted, zero points subtracted, zeros around it."""

import numpy as np
import pytest
import tvm
from kernel_harness import runnable_targets

from tvm_schedules.emit import argument, parallel, prim_func, reshaped, store
from tvm_schedules.float_source import emit_float_source, zero_row
from tvm_schedules.targets import instruction_set, resolve_target
from tvm_schedules.tile import REGISTER_FILES


def copied(target, x, padding, zero=None):
    """Run the copy alone."""
    tvm_target = resolve_target(target)
    batch, height, width, channels = x.shape
    padded = (batch, height + 2 * padding[0], width + 2 * padding[1], channels)
    lanes = REGISTER_FILES[instruction_set(tvm_target)].lanes
    with prim_func("copy", "test") as built:
        image = argument("x", x.shape, x.dtype.name)
        row = None if zero is None else argument("zero", (width * channels,), "float32")
        result = argument("out", padded, "float32")
        source = reshaped(image, (batch, height, width * channels))
        out = reshaped(result, (int(np.prod(padded)),))
        made = emit_float_source(source, (batch, height, channels), padding, lanes, row)
        flat = reshaped(made, (int(np.prod(padded)),))
        with parallel(int(np.prod(padded))) as index:
            store(out, flat[index], index)
    result = tvm.runtime.tensor(np.full(padded, np.nan, np.float32))
    rows = [] if zero is None else [zero_row(zero, width)]
    library = tvm.compile(built[0], target=tvm_target)
    library["copy"](*(tvm.runtime.tensor(array) for array in (x, *rows)), result)
    return result.numpy()


@pytest.mark.parametrize("target", runnable_targets())
@pytest.mark.parametrize(("width", "channels", "padding"), [(5, 1, (1, 2)), (11, 3, (2, 1)), (33, 1, (0, 3))])
def test_every_pixel_value_and_the_border_are_exact(target, width, channels, padding):
    x = np.arange(2 * 6 * width * channels).astype(np.uint8).reshape(2, 6, width, channels)
    zero = np.array([123.675, 0.0, 255.0], np.float32)[:channels]
    expected = np.pad(x.astype(np.float32) - zero, ((0, 0), (padding[0],) * 2, (padding[1],) * 2, (0, 0)))
    np.testing.assert_array_equal(copied(target, x, padding, zero), expected)


def test_one_row_without_a_border():
    x = np.arange(7, dtype=np.uint8).reshape(1, 1, 7, 1)
    np.testing.assert_array_equal(copied("host", x, (0, 0), np.float32([3])), x.astype(np.float32) - 3)


def test_an_image_that_threads_share():
    x = np.random.default_rng(0).integers(0, 256, (2, 150, 120, 1), np.uint8)
    expected = np.pad(x.astype(np.float32) - 1, ((0, 0), (2, 2), (1, 1), (0, 0)))
    np.testing.assert_array_equal(copied("host", x, (2, 1), np.float32([1])), expected)


def test_floats_stay_as_they_are():
    x = np.random.default_rng(0).standard_normal((1, 3, 7, 5)).astype(np.float32)
    expected = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    np.testing.assert_array_equal(copied("host", x, (1, 1)), expected)


def test_a_row_repeats_the_channels():
    np.testing.assert_array_equal(zero_row(np.array([1.0, 2.0]), 3), np.float32([1, 2, 1, 2, 1, 2]))
