"""Signs packed into words on the host, in NumPy: the bit convention of every kernel.

Bit 1 is +1, bit 0 is -1, and `sign(0) = +1` (also for -0.0). Channel `c` of an NHWC tensor is bit `c % 32`
of word `c // 32`. Bits that fill the last word are 0, in the border too. NaN has no sign here: it becomes
bit 0.
"""

import numpy as np
from numpy.typing import NDArray

from tvm_schedules.errors import KernelError

WORD_BITS = 32


def words(channels: int) -> int:
    """Number of 32-bit words that hold `channels` bits."""
    return -(-channels // WORD_BITS)


def check_pad_value(pad_value: int) -> None:
    """Raise `KernelError` unless `pad_value` is one of the two values that a sign can have."""
    if pad_value not in (1, -1):
        raise KernelError(f"expected pad_value +1 or -1; got {pad_value}; pad after binarising, with a sign")


def pack_bits(bits: NDArray[np.generic]) -> NDArray[np.uint32]:
    """Pack zeros and ones along the last axis: bool or uint8 `[..., C]` -> uint32 `[..., words(C)]`."""
    channels = bits.shape[-1]
    filler = [(0, 0)] * (bits.ndim - 1) + [(0, words(channels) * WORD_BITS - channels)]
    octets = np.packbits(np.pad(bits, filler), axis=-1, bitorder="little")
    # Packing may keep the memory order of a transposed input, which cannot be viewed as words.
    return np.ascontiguousarray(octets).view("<u4").astype(np.uint32)


def unpack_bits(packed: NDArray[np.uint32], channels: int) -> NDArray[np.uint8]:
    """Undo `pack_bits`: uint32 `[..., words(channels)]` -> uint8 zeros and ones `[..., channels]`."""
    octets = np.ascontiguousarray(packed.astype("<u4")).view(np.uint8)
    return np.unpackbits(octets, axis=-1, bitorder="little")[..., :channels]


def pack_signs(
    x: NDArray[np.floating], border: tuple[int, int] = (0, 0), pad_value: int = 1
) -> NDArray[np.uint32]:
    """Pack the signs of a tensor along its channels.

    Args:
        x: floating NHWC tensor, `[N, H, W, C]`.
        border: rows above and below, columns left and right, filled with `pad_value`.
        pad_value: +1 or -1, the value of the border *after* binarising.

    Returns:
        uint32 `[N, H + 2 * border[0], W + 2 * border[1], words(C)]`.

    Raises:
        KernelError: if `x` is not 4-dimensional or `pad_value` is no sign.
    """
    if x.ndim != 4:
        raise KernelError(f"expected an NHWC tensor of 4 axes; got shape {x.shape}; add the missing axes")
    check_pad_value(pad_value)
    rows, columns = border
    bits = np.pad(
        x >= 0,
        ((0, 0), (rows, rows), (columns, columns), (0, 0)),
        constant_values=pad_value == 1,
    )
    return pack_bits(bits)


def unpack_signs(packed: NDArray[np.uint32], channels: int) -> NDArray[np.int8]:
    """Undo `pack_signs`: uint32 `[..., words(channels)]` -> int8 +1 or -1 `[..., channels]`."""
    return (unpack_bits(packed, channels).astype(np.int8) * 2 - 1).astype(np.int8)
