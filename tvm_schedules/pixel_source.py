"""The source of a convolution of pixels: the bytes of each output, one behind the other, four to a word.

    rows    = the image between its border          uint8 [N, H + 2*ph, (W + 2*pw) * C + a vector]
    gather  = for output, for kernel row, [for kernel column]: its consecutive bytes of `rows`

An output has `groups` words; the bytes behind its last tap are rubbish, which weights of 0 multiply. Bytes
are copied in vectors that reach past what is wanted: what comes next in the order of copying overwrites it,
and every row and the last output have room for a vector behind them.
"""

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
from tvm_schedules.nest import Region
from tvm_schedules.partition import parts
from tvm_schedules.pixel_weights import GROUP, PixelConv2dShape

SIGN_BIT = 0x80
"""Flipped, it makes an unsigned byte a signed one that is 128 less."""


class PixelSource:
    """Emits the copies of one kernel's image."""

    def __init__(self, image: Buffer, shape: PixelConv2dShape, vector_bytes: int, *, signed: bool) -> None:
        """Take what is copied and how.

        Args:
            image: uint8 `[N, H, W * C]`.
            shape: the convolution's geometry.
            vector_bytes: bytes of a vector.
            signed: pixels are copied less 128, as signed bytes.
        """
        self.image = image
        self.shape = shape
        self.vector = vector_bytes
        self.flipped = SIGN_BIT if signed else 0
        self.rows = self._emit_rows()

    def gathered(self, rows: int, columns: int) -> Buffer:
        """Allocate the words of a region of outputs: uint8, with room behind them."""
        return workspace((rows * columns * self.shape.groups * GROUP + self.vector,), "uint8")

    def gather(self, region: Region, words: Buffer) -> None:
        """Emit the copy of a region's bytes, output by output."""
        shape = self.shape
        depth = shape.in_channels
        runs, length = shape.runs
        width = min(self.vector, 1 << (length - 1).bit_length())
        with (
            serial(region.rows) as row,
            serial(region.columns) as column,
            serial(shape.kernel[0]) as kernel_row,
            serial(runs) as run,
            serial(parts(length, width)) as part,
        ):
            source_row = (region.row + row) * shape.stride[0] + kernel_row * shape.dilation[0]
            source_column = (region.column + column) * shape.stride[1] + run * shape.dilation[1]
            output = row * region.columns + column
            place = output * shape.groups * GROUP + (kernel_row * runs + run) * length + part * width
            value = self.rows[region.image, source_row, span(source_column * depth + part * width, width)]
            store(words, value, span(place, width))

    def _emit_rows(self) -> Buffer:
        """Emit the copy of the image between its border."""
        shape, vector = self.shape, self.vector
        top, left = shape.padding
        height, inner, margin = shape.height, shape.width * shape.in_channels, left * shape.in_channels
        rows, whole = height + 2 * top, inner + 2 * margin
        copy = workspace((shape.batch, rows, whole + vector), "uint8")
        width = min(vector, 1 << (inner.bit_length() - 1))
        share = parallel if shape.batch * height * inner >= PARALLEL_ELEMENTS else serial

        def put(image: Expr, row: Expr, first: Expr) -> None:
            value = self.image[image, row - top, span(first, width)]
            if self.flipped:
                value = value ^ constant(self.flipped, "uint8", width)
            store(copy, value, image, row, span(margin + first, width))

        with share(shape.batch * rows) as index:
            image, row = index // rows, index % rows
            inside = tirx.all(row >= top, row < top + height)
            with when(tirx.Not(inside)), serial(parts(whole, vector)) as part:
                store(copy, constant(self.flipped, "uint8", vector), image, row, span(part * vector, vector))
            with when(inside):
                for border in (0, margin + inner):
                    with serial(margin) as byte:
                        store(copy, tirx.const(self.flipped, "uint8"), image, row, border + byte)
                with serial(inner // width) as part:
                    put(image, row, part * width)
                if inner % width:
                    put(image, row, inner - width)
        return copy
