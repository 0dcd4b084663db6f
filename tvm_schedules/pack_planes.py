"""Packing kernel of bitserial networks: float activations to bit planes, border included, in one pass.

    level = round((2**A - 1) * clamp(x, 0, 1))          halves to even, in registers
    planes[i] = bit i of the levels, 32 channels to a word

Layouts   x float32 `[N, H, W, C]`; planes uint32 `[A * N, H + 2*bh, W + 2*bw, Cw]`, first all of plane 0.
Levels    exactly those of `bitplanes.quantise` (DoReFa, arXiv 1606.06160, equation 5); NaN is level 0.
Border    every channel holds `pad_level`.
Tail      bits past the last channel are 0, in the border as well.
"""

from dataclasses import dataclass

from tvm import tirx
from tvm.target import Target

from tvm_schedules.bitplanes import check_activation_bits, check_pad_level
from tvm_schedules.emit import (
    Buffer,
    Expr,
    PrimFunc,
    argument,
    constant,
    local,
    parallel,
    prim_func,
    reinterpret,
    reshaped,
    serial,
    span,
    store,
    when,
)
from tvm_schedules.errors import KernelError
from tvm_schedules.naming import KernelName
from tvm_schedules.packing import fill_pixels
from tvm_schedules.sign_bits import sign_bits
from tvm_schedules.targets import InstructionSet, instruction_set
from tvm_schedules.tile import REGISTER_FILES
from tvm_schedules.words import WORD_BITS, words

# Added to a float below it, 2**23 leaves the nearest integer (halves to even) in the low bits of the sum.
ROUNDS = float(1 << 23)

MINUS_ONE = 0xBF800000
"""-1.0 as a word; with the top bit flipped +1.0."""

TOP_BIT = 1 << 31


@dataclass(frozen=True)
class PackPlanesShape:
    """Geometry of a packing kernel; `height` and `width` are those of the input.

    Attributes:
        bits: planes, 1 to 4.
        border: rows above and below, columns left and right.
        pad_level: level of the border, 0 .. 2**bits - 1.

    Raises:
        KernelError: if an extent is not positive, the border negative, or bits or level are out of range.
    """

    batch: int
    height: int
    width: int
    channels: int
    bits: int
    border: tuple[int, int] = (0, 0)
    pad_level: int = 0

    def __post_init__(self) -> None:
        """Check the geometry."""
        if min(self.batch, self.height, self.width, self.channels) < 1 or min(self.border) < 0:
            raise KernelError(f"expected positive extents and a border >= 0; got {self}; correct the shape")
        check_activation_bits(self.bits)
        check_pad_level(self.pad_level, self.bits)

    @property
    def in_shape(self) -> tuple[int, int, int, int]:
        """Shape of the float32 NHWC input."""
        return self.batch, self.height, self.width, self.channels

    @property
    def out_shape(self) -> tuple[int, int, int, int]:
        """Shape of the uint32 planes."""
        rows, columns = self.height + 2 * self.border[0], self.width + 2 * self.border[1]
        return self.bits * self.batch, rows, columns, words(self.channels)


def pack_planes_kernel(shape: PackPlanesShape, target: Target) -> PrimFunc:
    """Build the kernel `(x, planes)`, parallel over the rows of the output."""
    isa = instruction_set(target)
    name = KernelName(
        op="pack_planes",
        types=f"f32u{shape.bits}",
        layout="nhwc",
        geometry={
            "n": (shape.batch,),
            "h": (shape.height,),
            "w": (shape.width,),
            "c": (shape.channels,),
            "b": shape.border,
            "pad": (shape.pad_level,),
        },
        tile={"v": (REGISTER_FILES[isa].lanes,)},
        isa=isa,
    )
    planes_and_batch, rows, columns, depth = shape.out_shape
    with prim_func(str(name), name.op) as built:
        x = argument("x", shape.in_shape, "float32")
        planes = argument("planes", shape.out_shape, "uint32")
        source = reshaped(x, (shape.batch, shape.height, shape.width * shape.channels))
        _Emitter(shape, isa, source, reshaped(planes, (planes_and_batch, rows, columns * depth))).emit()
    return built[0]


class _Emitter:
    """Writes the loops from the outside in; `planes` is `[A * N, rows, columns * Cw]`."""

    def __init__(self, shape: PackPlanesShape, isa: InstructionSet, source: Buffer, planes: Buffer) -> None:
        self.shape = shape
        self.isa = isa
        self.lanes = REGISTER_FILES[isa].lanes
        self.source = source
        self.planes = planes

    def emit(self) -> None:
        shape = self.shape
        _, rows, columns, _ = shape.out_shape
        top, left = shape.border
        with parallel(shape.batch * rows) as index:
            image, row = index // rows, index % rows
            inside = tirx.all(row >= top, row < top + shape.height)
            if top:
                with when(tirx.Not(inside)):
                    self.fill(image, row, 0, columns)
            with when(inside):
                for first_column in (0, left + shape.width) if left else ():
                    self.fill(image, row, first_column, left)
                self.row(image, row)

    def fill(self, image: Expr, row: Expr, first_column: Expr, columns: int) -> None:
        """Give neighbouring pixels the level of the border."""
        for plane in range(self.shape.bits):
            bit = 1 if self.shape.pad_level >> plane & 1 else -1
            at = (plane * self.shape.batch + image, row, first_column)
            fill_pixels(self.planes, at, columns, self.shape.channels, bit)

    def row(self, image: Expr, row: Expr) -> None:
        """Pack one row of pixels: all the whole words of a pixel, then its last, partial word."""
        shape = self.shape
        depth, whole, tail = words(shape.channels), shape.channels // WORD_BITS, shape.channels % WORD_BITS
        source_row, left = row - shape.border[0], shape.border[1] * depth
        if not tail:
            # Without tails a row is one run of words, whatever the pixel they belong to.
            with serial(shape.width * depth) as word:
                self.word((image, source_row, word * WORD_BITS), (image, row, left + word), WORD_BITS)
            return
        with serial(shape.width) as column:
            first, first_word = column * shape.channels, left + column * depth
            if whole:
                with serial(whole) as word:
                    at = (image, source_row, first + word * WORD_BITS)
                    self.word(at, (image, row, first_word + word), WORD_BITS)
            at = (image, source_row, first + whole * WORD_BITS)
            self.word(at, (image, row, first_word + whole), tail)

    def word(self, source: tuple[Expr, Expr, Expr], target: tuple[Expr, Expr, Expr], channels: int) -> None:
        """Store one word of every plane, of `channels` <= 32 consecutive channels from `source`."""
        image, row, first = source
        signs = [sign_bits(self.isa) for _ in range(self.shape.bits)]
        for start in range(0, channels, self.lanes):
            levels = self.levels(self.load((image, row, first + start), min(self.lanes, channels - start)))
            for plane, of_plane in enumerate(signs):
                of_plane.add(self.bit_as_sign(levels, plane))
        for plane, of_plane in enumerate(signs):
            store(self.planes, of_plane.word(), plane * self.shape.batch + target[0], *target[1:])

    def load(self, at: tuple[Expr, Expr, Expr], channels: int) -> Expr:
        """Load a vector of which `channels` lanes exist; the rest are 0, of level 0."""
        image, row, first = at
        if channels == self.lanes:
            return self.source[image, row, span(first, self.lanes)]
        loaded = local(self.lanes, "float32")
        store(loaded, constant(0, "float32", self.lanes), span(0, self.lanes))
        for lane in range(channels):
            store(loaded, self.source[image, row, first + lane], lane)
        return loaded[span(0, self.lanes)]

    def levels(self, x: Expr) -> Expr:
        """Quantise a vector: uint32 with the level in the low bits.

        Clamping after the multiplication gives what clamping before it gives, as rounding is monotone, and
        keeps the code generator from contracting the product and the sum that rounds it.
        """
        top = (1 << self.shape.bits) - 1
        scaled = x * constant(top, "float32", self.lanes) if top > 1 else x
        # The comparison in `max` is false for NaN, which leaves the 0.
        positive = tirx.max(scaled, constant(0, "float32", self.lanes))
        clamped = tirx.min(positive, constant(top, "float32", self.lanes))
        kept = local(self.lanes, "uint32")
        rounded = clamped + constant(ROUNDS, "float32", self.lanes)
        store(kept, reinterpret(rounded, f"uint32x{self.lanes}"), span(0, self.lanes))
        return kept[span(0, self.lanes)]

    def bit_as_sign(self, levels: Expr, plane: int) -> Expr:
        """Return +1.0 where bit `plane` is 1 and -1.0 where it is 0."""
        moved = levels << constant(31 - plane, "uint32", self.lanes)
        top_bit = moved & constant(TOP_BIT, "uint32", self.lanes)
        flipped = top_bit ^ constant(MINUS_ONE, "uint32", self.lanes)
        return reinterpret(flipped, f"float32x{self.lanes}")
