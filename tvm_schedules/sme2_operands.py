"""Operands of outer products: words and weights in memory, so that vectors of them are rows and columns.

Rows       of a tile are output pixels. Words `[N, Hp, Wp, Cw]` uint32 (`pack_kernel`'s, border included) are
           copied to planes `[N, sh, sw, Cw, Hq * Wq]`, `Hq = ceil(Hp / sh)`, `Wq = ceil(Wp / sw)`: stored
           pixel `(q * sh + r, p * sw + c)` becomes element `q * Wq + p` of plane `(r, c)`. Whatever stride
           and dilation, the pixels that neighbouring outputs need at one kernel position are neighbours.
Columns    are output channels. Weights are `[ceil(O/ot), KH, KW, Cw, ot]` uint32: `ot` is 16, or 32 beyond 16
           output channels. Bits past the last input channel and lanes past the last output channel are 0.
Positions  outputs are numbered `oh * Wq + ow`, so that a run goes on over the end of a row; numbers with
           `ow >= Wo` are computed, from neighbours, and dropped.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tvm_schedules.binary_conv2d import BinaryConv2dShape
from tvm_schedules.bmopa import TILE_EXTENT, ZA32_TILES
from tvm_schedules.emit import Buffer, parallel, serial, store
from tvm_schedules.geometry import check_weight_axes
from tvm_schedules.partition import parts
from tvm_schedules.words import pack_signs, words


@dataclass(frozen=True)
class OuterProductPlan:
    """Extents of loops and planes, a pure function of the geometry."""

    shape: BinaryConv2dShape

    @property
    def plane_rows_and_columns(self) -> tuple[int, int]:
        """`Hq, Wq`: stored rows and columns of one plane."""
        _, rows, columns, _ = self.shape.packed_input_shape
        return parts(rows, self.shape.stride[0]), parts(columns, self.shape.stride[1])

    @property
    def planes_shape(self) -> tuple[int, int, int, int, int]:
        """Shape of the planes, `[N, sh, sw, Cw, Hq * Wq]`."""
        rows, columns = self.plane_rows_and_columns
        return self.shape.batch, *self.shape.stride, words(self.shape.in_channels), rows * columns

    @property
    def positions(self) -> int:
        """Positions up to the last output pixel of an image."""
        return (self.shape.out_height - 1) * self.plane_rows_and_columns[1] + self.shape.out_width

    @property
    def channel_vectors(self) -> int:
        """Vectors of output channels beside each other: two, for as many products as loads."""
        return _channel_vectors(self.shape.out_channels)

    @property
    def position_vectors(self) -> int:
        """Vectors of positions, to fill ZA."""
        return min(ZA32_TILES // self.channel_vectors, parts(self.positions, TILE_EXTENT))

    @property
    def run(self) -> int:
        """Positions that ZA holds at a time."""
        return self.position_vectors * TILE_EXTENT


def _channel_vectors(out_channels: int) -> int:
    return min(2, parts(out_channels, TILE_EXTENT))


def sme2_weight_shape(shape: BinaryConv2dShape) -> tuple[int, int, int, int, int]:
    """Shape of the uint32 weights that `pack_sme2_weights` makes: `[ceil(O/ot), KH, KW, Cw, ot]`."""
    block = _channel_vectors(shape.out_channels) * TILE_EXTENT
    return parts(shape.out_channels, block), *shape.kernel, words(shape.in_channels), block


def pack_sme2_weights(weight: NDArray[np.floating]) -> NDArray[np.uint32]:
    """Pack the signs of an OIHW weight as columns of outer products: uint32 `[ceil(O/ot), KH, KW, Cw, ot]`.

    `weight >= 0` is bit 1. Bits past the last input channel and lanes past the last output channel are 0.

    Raises:
        KernelError: if `weight` is not 4-dimensional.
    """
    check_weight_axes(weight.ndim, 4, "OIHW")
    out_channels = weight.shape[0]
    block = _channel_vectors(out_channels) * TILE_EXTENT
    packed = pack_signs(np.ascontiguousarray(weight.transpose(0, 2, 3, 1)))
    filled = np.pad(packed, ((0, -out_channels % block), (0, 0), (0, 0), (0, 0)))
    grouped = filled.reshape(-1, block, *packed.shape[1:])
    return np.ascontiguousarray(grouped.transpose(0, 2, 3, 4, 1))


def emit_planes(shape: BinaryConv2dShape, source: Buffer, planes: Buffer) -> None:
    """Emit the copy of words `[N, Hp, Wp, Cw]` to planes `[N, sh, sw, Cw, Hq * Wq]`, parallel over rows."""
    batch, rows, columns, depth = shape.packed_input_shape
    row_stride, column_stride = shape.stride
    plane_columns = parts(columns, column_stride)
    with parallel(batch * rows) as index:
        image, row = index // rows, index % rows
        first = row // row_stride * plane_columns
        with serial(depth) as word, serial(columns) as column:
            store(
                planes,
                source[image, row, column, word],
                image,
                row % row_stride,
                column % column_stride,
                word,
                first + column // column_stride,
            )
