"""The source of a float convolution: its input as float32, between zeros where there is padding.

A kernel reads its input in place if it can. Zeros around the input and pixels of images need a copy:

    uint8 image      copy = float32(pixel) - zero      `zero` is the pixel value that a network takes for 0
    float32 tensor   copy = value

The border of the copy is 0, as it is of a normalised image, whatever `zero` is.
"""

import numpy as np
from numpy.typing import NDArray
from tvm import tirx

from tvm_schedules.emit import (
    PARALLEL_ELEMENTS,
    Buffer,
    Expr,
    constant,
    parallel,
    serial,
    span,
    store,
    when,
    workspace,
)
from tvm_schedules.geometry import Pair


def zero_row(zero: NDArray[np.floating], width: int) -> NDArray[np.float32]:
    """Repeat the value of each channel, `[C]`, for a row of `width` pixels: float32 `[width * C]`."""
    return np.tile(np.asarray(zero, np.float32), width)


def emit_float_source(
    source: Buffer, extents: tuple[int, int, int], padding: Pair, lanes: int, zero: Buffer | None
) -> Buffer:
    """Copy `[N, H, W * C]` between zeros, to float32 `[N, H + 2*ph, (W + 2*pw) * C]`.

    Args:
        source: the input: float32, or uint8 if there is a `zero`.
        extents: batch, rows, and elements of a pixel.
        padding: rows and columns of zeros on each side.
        lanes: 32-bit lanes of a vector.
        zero: float32 `[W * C]`, subtracted from every row of pixels; see `zero_row`.
    """
    batch, height, depth = extents
    top, left = padding
    rows, margin, inner = height + 2 * top, left * depth, int(source.ty.shape[2])
    copy = workspace((batch, rows, inner + 2 * margin), "float32")

    def converted(image: Expr, row: Expr, first: Expr, width: int) -> Expr:
        value = source[image, row, span(first, width)]
        if zero is None:
            return value
        return value.astype(_floats(width)) - zero[span(first, width)]

    share = parallel if batch * height * inner >= PARALLEL_ELEMENTS else serial
    with share(batch * rows) as index:
        image, row = index // rows, index % rows
        inside = tirx.all(row >= top, row < top + height)
        with when(tirx.Not(inside)):
            _emit_zeros(copy, (image, row), 0, inner + 2 * margin, lanes)
        with when(inside):
            _emit_zeros(copy, (image, row), 0, margin, lanes)
            _emit_zeros(copy, (image, row), margin + inner, margin, lanes)
            with serial(inner // lanes) as part:
                value = converted(image, row - top, part * lanes, lanes)
                store(copy, value, image, row, span(margin + part * lanes, lanes))
            with serial(inner % lanes) as rest:
                first = inner - inner % lanes + rest
                store(copy, converted(image, row - top, first, 1), image, row, margin + first)
    return copy


def _floats(lanes: int) -> str:
    return f"float32x{lanes}" if lanes > 1 else "float32"


def _emit_zeros(buffer: Buffer, outer: tuple[Expr, Expr], first: int, elements: int, lanes: int) -> None:
    """Write zeros to `elements` consecutive floats."""
    with serial(elements // lanes) as part:
        store(buffer, constant(0, "float32", lanes), *outer, span(first + part * lanes, lanes))
    with serial(elements % lanes) as rest:
        store(buffer, tirx.const(0, "float32"), *outer, first + elements - elements % lanes + rest)
