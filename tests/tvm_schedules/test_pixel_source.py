"""Words of each output: its bytes in order, borders included, whatever lay in memory before."""

import numpy as np
import pytest
import tvm

from tvm_schedules.emit import argument, prim_func, reshaped, serial, store
from tvm_schedules.nest import Region
from tvm_schedules.pixel_source import PixelSource
from tvm_schedules.pixel_weights import PixelConv2dShape
from tvm_schedules.targets import resolve_target

VECTOR_BYTES = 16


def gathered(shape, x, *, signed):
    """The bytes of every output of image 0, `[Ho, Wo, 4 * groups]`."""
    words = 4 * shape.groups
    out_shape = (shape.out_height, shape.out_width, words)
    with prim_func("gather", "test") as built:
        image = argument("x", shape.in_shape, "uint8")
        result = argument("out", (shape.out_height * shape.out_width * words,), "uint8")
        flat = reshaped(image, (shape.batch, shape.height, shape.width * shape.in_channels))
        source = PixelSource(flat, shape, VECTOR_BYTES, signed=signed)
        region = Region(0, 0, 0, 0, 0, shape.out_height, shape.out_width)
        kept = source.gathered(shape.out_height, shape.out_width)
        source.gather(region, kept)
        with serial(int(np.prod(out_shape))) as index:
            store(result, kept[index], index)
    target = resolve_target("host")
    result = tvm.runtime.tensor(np.full(int(np.prod(out_shape)), 0xDB, np.uint8))
    tvm.compile(built[0], target=target)["gather"](tvm.runtime.tensor(x), result)
    return result.numpy().reshape(out_shape)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    ("width", "channels", "kernel", "stride", "padding", "dilation"),
    [
        (9, 3, (7, 7), (2, 2), (3, 3), (1, 1)),
        (10, 3, (3, 3), (1, 1), (1, 1), (1, 1)),
        (5, 1, (1, 1), (1, 1), (0, 0), (1, 1)),
        (8, 4, (3, 5), (1, 3), (2, 0), (1, 1)),
        (9, 3, (3, 3), (1, 2), (2, 2), (2, 2)),
        (33, 1, (2, 17), (1, 1), (0, 8), (1, 1)),
        (1, 1, (3, 3), (1, 1), (3, 3), (1, 1)),
    ],
)
def test_bytes_of_each_output(signed, width, channels, kernel, stride, padding, dilation):
    shape = PixelConv2dShape(1, 8, width, channels, 1, kernel, stride, padding, dilation)
    x = np.random.default_rng(0).integers(0, 256, shape.in_shape, np.uint8)
    padded = np.pad(x[0], [(one, one) for one in padding] + [(0, 0)])
    actual = gathered(shape, x, signed=signed)
    for row in range(shape.out_height):
        for column in range(shape.out_width):
            rows = row * stride[0] + dilation[0] * np.arange(kernel[0])
            columns = column * stride[1] + dilation[1] * np.arange(kernel[1])
            expected = padded[np.ix_(rows, columns)].ravel()
            own = actual[row, column, : shape.taps]
            np.testing.assert_array_equal(own ^ 0x80 if signed else own, expected)


def test_an_image_that_threads_share():
    shape = PixelConv2dShape(1, 200, 200, 1, 1, (3, 3), (2, 2), (1, 1))
    x = np.random.default_rng(0).integers(0, 256, shape.in_shape, np.uint8)
    padded = np.pad(x[0, :, :, 0], 1)
    actual = gathered(shape, x, signed=False)
    np.testing.assert_array_equal(actual[99, 7, :9], padded[198:201, 14:17].ravel())
    np.testing.assert_array_equal(actual[:, :, 4], x[0, ::2, ::2, 0])
