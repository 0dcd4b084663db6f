"""Activations of a few bits as bit planes on the host, in NumPy: quantising, packing, unpacking.

A *level* is an integer 0 .. 2**A - 1; plane `i` holds bit `i` of every level, so that `level = sum_i 2**i *
plane_i`. Each plane is packed as the signs of binary networks are: channel `c` of an NHWC tensor is bit `c %
32` of word `c // 32`, and bits that fill the last word are 0, in the border too.
"""

import numpy as np
from numpy.typing import NDArray

from tvm_schedules.errors import KernelError
from tvm_schedules.words import pack_bits, unpack_bits

ACTIVATION_BITS = (1, 2, 3, 4)


def check_activation_bits(bits: int) -> None:
    """Raise `KernelError` unless activations may have `bits` bits."""
    if bits not in ACTIVATION_BITS:
        raise KernelError(f"expected activations of 1 to 4 bits; got {bits}; take int8 kernels beyond 4")


def check_pad_level(pad_level: int, bits: int) -> None:
    """Raise `KernelError` unless `pad_level` is a level of `bits` bits."""
    if not 0 <= pad_level < 1 << bits:
        raise KernelError(
            f"expected a padding level 0 .. {(1 << bits) - 1}; got {pad_level}; pad after quantising"
        )


def quantise(x: NDArray[np.floating], bits: int) -> NDArray[np.uint8]:
    """Return the levels `round((2**bits - 1) * clamp(x, 0, 1))`, halves rounded to even; NaN becomes 0.

    This is DoReFa's quantizer (Zhou et al., arXiv 1606.06160, equation 5) before its division by `2**bits -
    1`. With one bit it is `x > 1/2`. The product is rounded to float32, as PyTorch does.

    Args:
        x: floating tensor of any shape.
        bits: 1 to 4.

    Returns:
        uint8, same shape.

    Raises:
        KernelError: if `bits` is out of range.
    """
    check_activation_bits(bits)
    top = np.float32((1 << bits) - 1)
    clamped = np.clip(np.nan_to_num(x.astype(np.float32), nan=0), np.float32(0), np.float32(1))
    levels: NDArray[np.uint8] = np.rint(clamped * top).astype(np.uint8)
    return levels


def pack_levels(
    levels: NDArray[np.integer], bits: int, border: tuple[int, int] = (0, 0), pad_level: int = 0
) -> NDArray[np.uint32]:
    """Pack the levels of a tensor, plane by plane, along its channels.

    Args:
        levels: integers 0 .. 2**bits - 1, NHWC `[N, H, W, C]`.
        bits: 1 to 4.
        border: rows above and below, columns left and right, filled with `pad_level`.
        pad_level: the level of the border.

    Returns:
        uint32 `[bits, N, H + 2 * border[0], W + 2 * border[1], words(C)]`.

    Raises:
        KernelError: if `levels` is not 4-dimensional, or it, `bits` or `pad_level` is out of range.
    """
    check_activation_bits(bits)
    check_pad_level(pad_level, bits)
    if levels.ndim != 4:
        raise KernelError(f"expected NHWC levels of 4 axes; got shape {levels.shape}; add the missing axes")
    if levels.size and not 0 <= levels.min() <= levels.max() < 1 << bits:
        raise KernelError(
            f"expected levels 0 .. {(1 << bits) - 1}; got {levels.min()} .. {levels.max()}; quantise first"
        )
    rows, columns = border
    padded = np.pad(
        levels.astype(np.uint8),
        ((0, 0), (rows, rows), (columns, columns), (0, 0)),
        constant_values=pad_level,
    )
    return pack_bits(np.stack([padded >> plane & 1 for plane in range(bits)]))


def unpack_levels(planes: NDArray[np.uint32], channels: int) -> NDArray[np.uint8]:
    """Undo `pack_levels`: uint32 `[bits, ..., words(channels)]` -> uint8 levels `[..., channels]`."""
    bits = unpack_bits(planes, channels)
    worths = (1 << np.arange(planes.shape[0])).astype(np.uint8)
    levels: NDArray[np.uint8] = np.tensordot(worths, bits, 1).astype(np.uint8)
    return levels
