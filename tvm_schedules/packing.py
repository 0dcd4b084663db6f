"""Packed outputs of kernels that make the signs themselves: granules, borders, tails.

The signs of some vectors of consecutive channels (`sign_bits`) are a *granule* of 8, 16 or 32 bits, stored
through a view of the words as little-endian `uint8`, `uint16` or `uint32`: one vector on AVX-512 and AVX2, a
block of 2, 4 or 8 vectors elsewhere.

Border    every channel holds `pad_value`.
Tail      bits past the last channel are 0, in the border as well.
"""

from dataclasses import dataclass

from tvm import tirx

from tvm_schedules.emit import Buffer, Expr, serial, span, splat, store, viewed
from tvm_schedules.errors import KernelError
from tvm_schedules.naming import Fields
from tvm_schedules.sign_bits import sign_bits
from tvm_schedules.targets import InstructionSet
from tvm_schedules.tile import INTEGER_BITS, REGISTER_FILES
from tvm_schedules.words import WORD_BITS, check_pad_value, words


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
    if lanes in INTEGER_BITS:
        return 1
    return vectors if vectors * lanes in INTEGER_BITS else None


@dataclass(frozen=True)
class PackedSigns:
    """A packed tensor that is being written.

    Attributes:
        granules: the words `[N, R, C, Cw]`, viewed as granules `[N, R, C * Cw * 32 / bits]`.
        bits: bits of a granule.
        origin: row and column of the first pixel: the width of the border.
        isa: instruction set that makes the bits.
    """

    granules: Buffer
    bits: int
    origin: tuple[int, int]
    isa: InstructionSet

    @classmethod
    def of(cls, packed: Buffer, vectors: int, origin: tuple[int, int], isa: InstructionSet) -> "PackedSigns":
        """View words as granules of `vectors` vectors (`granule_vectors`) each."""
        batch, rows, columns, depth = (int(extent) for extent in packed.shape)
        bits = vectors * REGISTER_FILES[isa].lanes
        view = viewed(packed, (batch, rows, columns * depth * (WORD_BITS // bits)), f"uint{bits}")
        return cls(view, bits, origin, isa)

    def per_pixel(self, channels: int) -> int:
        """Granules of a pixel, those that fill its last word included."""
        return words(channels) * (WORD_BITS // self.bits)


class SignWriter:
    """Stores signs in consecutive granules of a row, as the vectors of channels come."""

    def __init__(self, packed: PackedSigns, row: tuple[Expr, Expr], first: Expr) -> None:
        """Begin at granule `first` of row (image, row)."""
        self.packed = packed
        self.row = row
        self.next = first
        self.begin()

    def begin(self) -> None:
        """Begin a granule."""
        self.channels = 0
        self.signs = sign_bits(self.packed.isa)

    def add(self, value: Expr, channels: int) -> None:
        """Take a vector whose first `channels` lanes are channels; a granule is stored once it is full."""
        self.signs.add(value)
        self.channels += channels
        if self.signs.vectors * self.signs.lanes == self.packed.bits:
            self.end()

    def end(self) -> None:
        """Store the granule, zeros in the bits of no channel."""
        bits = self.signs.word()
        if self.channels < self.packed.bits:
            bits = bits & tirx.const((1 << self.channels) - 1, "uint32")
        self.store(bits.astype(f"uint{self.packed.bits}"))
        self.begin()

    def fill(self, granules: int) -> None:
        """Store zeros in the next `granules` granules."""
        for _ in range(granules):
            self.store(tirx.const(0, f"uint{self.packed.bits}"))

    def store(self, bits: Expr) -> None:
        store(self.packed.granules, bits, *self.row, self.next)
        self.next = self.next + 1


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
