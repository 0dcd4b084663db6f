"""What SME2's `bmopa` computes, in NumPy: the meaning that kernels and their models are held to.

    BMOPA <ZAda>.S, <Pn>/M, <Pm>/M, <Zn>.S, <Zm>.S
    for row, column: if Pn[row] and Pm[column]: ZA[row, column] += BitCount(NOT(Zn[row] EOR Zm[column]))

"Bitwise exclusive NOR population count outer product and accumulate": the first vector gives the rows of the
tile, the second its columns, and every element counts the positions of two 32-bit words that *agree*. Sums
wrap at 32 bits. Source: Arm Architecture Reference Manual for A-profile, A64 SME instructions.
"""

import numpy as np
from numpy.typing import NDArray

from tvm_schedules.errors import KernelError

# The streaming vector length that packed operands are laid out for; kernels refuse to run with another.
STREAMING_VECTOR_BITS = 512

# 32-bit elements of a streaming vector: rows, and columns, of a ZA tile of 32-bit elements.
TILE_EXTENT = STREAMING_VECTOR_BITS // 32

# ZA holds four tiles of 32-bit elements, whatever the vector length.
ZA32_TILES = 4


def bmopa(
    tile: NDArray[np.int32],
    row_mask: NDArray[np.bool_],
    column_mask: NDArray[np.bool_],
    rows: NDArray[np.uint32],
    columns: NDArray[np.uint32],
) -> NDArray[np.int32]:
    """Return `tile` after one `bmopa`.

    Args:
        tile: int32 `[R, C]`.
        row_mask: bool `[R]`, the first predicate.
        column_mask: bool `[C]`, the second predicate.
        rows: uint32 `[R]`, the first vector.
        columns: uint32 `[C]`, the second vector.

    Raises:
        KernelError: if the vectors and predicates do not have the extents of the tile.
    """
    extents = (*row_mask.shape, *column_mask.shape), (*rows.shape, *columns.shape)
    if extents != (tile.shape, tile.shape):
        raise KernelError(
            f"expected masks and vectors of extents {tile.shape}; got {extents[0]} and {extents[1]}; "
            "give one element for each row and column of the tile"
        )
    agreeing = np.bitwise_count(~(rows[:, None] ^ columns[None, :])).astype(np.int32)
    return tile + np.where(row_mask[:, None] & column_mask[None, :], agreeing, np.int32(0))
