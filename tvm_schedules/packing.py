"""Signs in registers to words in memory: what kernels share that write packed bits themselves.

Vectors of consecutive channels become one *granule* of 8, 16 or 32 bits, which is stored through a view of
the words as little-endian `uint8`, `uint16` or `uint32`:

| instruction set | granule | instructions |
|---|---|---|
| AVX-512 | one vector, 16 bits | compare to a mask, store the mask |
| AVX2 | one vector, 8 bits | compare, movmskps, store |
| NEON | 2, 4 or 8 vectors | per vector compare and shift-insert; one and, one add across lanes, one store |
| portable | 2, 4 or 8 vectors | per vector compare, select a bit, or; then or across lanes |

Bits      `x >= 0` is bit 1 (0.0 and -0.0 too), anything else bit 0, NaN included.
Border    every channel holds `pad_value`; bits past the last channel are 0 there as everywhere.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tvm import tirx

from tvm_schedules.emit import Buffer, Expr, constant, llvm, reinterpret, serial, span, splat, store, viewed
from tvm_schedules.errors import KernelError
from tvm_schedules.naming import Fields
from tvm_schedules.targets import InstructionSet
from tvm_schedules.tile import REGISTER_FILES
from tvm_schedules.words import WORD_BITS, check_pad_value, words

# Widths that an integer store has.
GRANULE_BITS = (8, 16, 32)


@dataclass(frozen=True)
class PackedOutput:
    """How the packed output of a kernel is bordered for the convolution that reads it.

    Attributes:
        border: rows above and below, columns left and right.
        pad_value: +1 or -1, what the border holds.

    Raises:
        KernelError: if the border is negative or `pad_value` is no sign.
    """

    border: tuple[int, int]
    pad_value: int

    def __post_init__(self) -> None:
        """Check border and value."""
        if min(self.border) < 0:
            raise KernelError(f"expected a border >= 0; got {self.border}; correct the packed output")
        check_pad_value(self.pad_value)

    def shape(self, batch: int, height: int, width: int, channels: int) -> tuple[int, int, int, int]:
        """Shape of the uint32 words of a float tensor `[batch, height, width, channels]`."""
        return batch, height + 2 * self.border[0], width + 2 * self.border[1], words(channels)

    def name_fields(self) -> Fields:
        """Fields that tell this output apart in a kernel's name."""
        return {"pack": self.border, "pad": (int(self.pad_value == 1),)}


def granule_vectors(isa: InstructionSet, vectors: int) -> int | None:
    """How many of `vectors` neighbouring vectors make one granule; None: no granule fits them."""
    lanes = REGISTER_FILES[isa].lanes
    if lanes in GRANULE_BITS:
        return 1
    return vectors if vectors * lanes in GRANULE_BITS else None


def granule_view(packed: Buffer, bits: int) -> Buffer:
    """View words `[N, R, C, Cw]` as granules `[N, R, C * Cw * 32 / bits]`."""
    batch, rows, columns, depth = (int(extent) for extent in packed.shape)
    return viewed(packed, (batch, rows, columns * depth * (WORD_BITS // bits)), f"uint{bits}")


def sign_bits(values: Sequence[Expr], isa: InstructionSet) -> Expr:
    """Return the signs of up to 32 channels as the low bits of a uint32, the first channel lowest.

    Args:
        values: float32 vectors of consecutive channels, each as wide as a register of `isa`.
        isa: instruction set.
    """
    lanes = REGISTER_FILES[isa].lanes
    if isa is InstructionSet.AVX512_VPOPCNTDQ or isa is InstructionSet.AVX2:
        bits = [_x86_mask(value, lanes) for value in values]
        word = bits[0]
        for number, mask in enumerate(bits[1:], start=1):
            word = word | (mask << tirx.const(number * lanes, "uint32"))
        return word
    lane_bits = _neon_lane_bits if isa in (InstructionSet.NEON, InstructionSet.NEON_DOTPROD) else _lane_bits
    return llvm(f"llvm.vector.reduce.add.v{lanes}i32", "uint32", lane_bits(values, lanes))


def _is_positive(value: Expr, lanes: int) -> Expr:
    return value >= constant(0, "float32", lanes)


def _x86_mask(value: Expr, lanes: int) -> Expr:
    """One bit a lane; the code generator sees through the bytes, and compares to a mask register."""
    positive = _is_positive(value, lanes)
    if lanes == 16:
        octets = tirx.Select(positive, constant(-1, "int8", lanes), constant(0, "int8", lanes))
        mask = llvm("llvm.x86.sse2.pmovmskb.128", "int32", octets)
    else:
        chosen = tirx.Select(positive, constant(-1, "int32", lanes), constant(0, "int32", lanes))
        mask = llvm("llvm.x86.avx.movmsk.ps.256", "int32", reinterpret(chosen, f"float32x{lanes}"))
    return reinterpret(mask, "uint32")


def _neon_lane_bits(values: Sequence[Expr], lanes: int) -> Expr:
    """Shift-insert one comparison after another, so that a single `and` picks every lane's own bits."""
    ones, zeros = constant(0xFFFFFFFF, "uint32", lanes), constant(0, "uint32", lanes)
    total = tirx.Select(_is_positive(values[0], lanes), ones, zeros)
    for number, value in enumerate(values[1:], start=1):
        mask = tirx.Select(_is_positive(value, lanes), ones, zeros)
        shift = tirx.const(number * lanes, "int32")
        total = llvm(f"llvm.aarch64.neon.vsli.v{lanes}i32", f"uint32x{lanes}", total, mask, shift)
    own = sum(1 << (number * lanes) for number in range(len(values)))
    return total & (constant(own, "uint32", lanes) << _lane_numbers(lanes))


def _lane_bits(values: Sequence[Expr], lanes: int) -> Expr:
    """Select each lane's bit; the bits are disjoint, so that adding lanes is or-ing them."""
    total = None
    for number, value in enumerate(values):
        bit = constant(1 << (number * lanes), "uint32", lanes) << _lane_numbers(lanes)
        chosen = tirx.Select(_is_positive(value, lanes), bit, constant(0, "uint32", lanes))
        total = chosen if total is None else total | chosen
    return total


def _lane_numbers(lanes: int) -> Expr:
    return tirx.Ramp(tirx.const(0, "uint32"), tirx.const(1, "uint32"), lanes)


def emit_border(packed: Buffer, channels: int, output: PackedOutput) -> None:
    """Fill the border of words `[N, R, C, Cw]`; the threads that pack write the inside alone."""
    batch, rows, columns, depth = (int(extent) for extent in packed.shape)
    top, left = output.border
    flat = viewed(packed, (batch, rows, columns * depth), "uint32")
    with serial(batch) as image:
        if top:
            for first_row in (0, rows - top):
                with serial(top) as row:
                    fill_pixels(flat, (image, first_row + row, 0), columns, channels, output.pad_value)
        if left:
            with serial(rows - 2 * top) as row:
                for first_column in (0, columns - left):
                    at = (image, top + row, first_column)
                    fill_pixels(flat, at, left, channels, output.pad_value)


def fill_pixels(
    flat: Buffer, first: tuple[Expr, Expr, Expr], columns: int, channels: int, pad_value: int
) -> None:
    """Give `columns` neighbouring pixels of words `[N, R, C * Cw]` the packed `pad_value`."""
    image, row, first_column = first
    depth, whole, tail = words(channels), channels // WORD_BITS, channels % WORD_BITS
    with serial(columns) as column:
        word = (first_column + column) * depth
        if whole:
            ones = tirx.const((1 << WORD_BITS) - 1 if pad_value == 1 else 0, "uint32")
            store(flat, splat(ones, whole), image, row, span(word, whole))
        if tail:
            ones = tirx.const((1 << tail) - 1 if pad_value == 1 else 0, "uint32")
            store(flat, ones, image, row, word + whole)
