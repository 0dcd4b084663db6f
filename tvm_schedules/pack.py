"""Packing kernel: float signs to words, with the border of the next convolution written around them.

Layouts   x float32 `[N, H, W, C]`; words uint32 `[N, H + 2*bh, W + 2*bw, Cw]`.
Bits      `x >= 0` is bit 1 (0.0 and -0.0 too), anything else bit 0, NaN included.
Border    every channel holds `pad_value`: all ones for +1, zeros for -1.
Tail      bits past the last channel are 0, in the border as well.
"""

from dataclasses import dataclass

from tvm import tirx
from tvm.target import Target

from tvm_schedules.emit import (
    Buffer,
    Expr,
    PrimFunc,
    argument,
    constant,
    llvm,
    parallel,
    prim_func,
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
from tvm_schedules.words import WORD_BITS, check_pad_value, words

# x86 moves the top bits of 32 bytes to one general register; comparisons narrow to bytes on the way.
_MOVES_BYTE_MASKS = (InstructionSet.AVX512_VPOPCNTDQ, InstructionSet.AVX2)


@dataclass(frozen=True)
class PackShape:
    """Geometry of a packing kernel; `height` and `width` are those of the input.

    Raises:
        KernelError: if an extent is not positive, a border negative, or `pad_value` no sign.
    """

    batch: int
    height: int
    width: int
    channels: int
    border: tuple[int, int] = (0, 0)
    pad_value: int = 1

    def __post_init__(self) -> None:
        """Check the geometry."""
        if min(self.batch, self.height, self.width, self.channels) < 1 or min(self.border) < 0:
            raise KernelError(f"expected positive extents and a border >= 0; got {self}; correct the shape")
        check_pad_value(self.pad_value)

    @property
    def in_shape(self) -> tuple[int, int, int, int]:
        """Shape of the float32 NHWC input."""
        return self.batch, self.height, self.width, self.channels

    @property
    def out_shape(self) -> tuple[int, int, int, int]:
        """Shape of the uint32 words."""
        rows, columns = self.height + 2 * self.border[0], self.width + 2 * self.border[1]
        return self.batch, rows, columns, words(self.channels)


def pack_kernel(shape: PackShape, target: Target) -> PrimFunc:
    """Build the kernel `(x, words)`, parallel over the rows of the output."""
    isa = instruction_set(target)
    lanes = REGISTER_FILES[isa].lanes
    name = KernelName(
        op="pack",
        types="f32b1",
        layout="nhwc",
        geometry={
            "n": (shape.batch,),
            "h": (shape.height,),
            "w": (shape.width,),
            "c": (shape.channels,),
            "b": shape.border,
            "pad": (int(shape.pad_value == 1),),
        },
        tile={"v": (lanes,)},
        isa=isa,
    )
    with prim_func(str(name), name.op) as built:
        x = argument("x", shape.in_shape, "float32")
        packed = argument("words", shape.out_shape, "uint32")
        emit_pack(shape, isa, x, packed)
    return built[0]


def emit_pack(shape: PackShape, isa: InstructionSet, x: Buffer, packed: Buffer) -> None:
    """Emit the packing of a whole tensor, border included, into the function that is being built."""
    batch, rows, columns, depth = shape.out_shape
    top, left = shape.border
    source = reshaped(x, (batch, shape.height, shape.width * shape.channels))
    out = reshaped(packed, (batch, rows, columns * depth))
    with parallel(batch * rows) as index:
        image, row = index // rows, index % rows
        inside = tirx.all(row >= top, row < top + shape.height)
        if top:
            with when(tirx.Not(inside)):
                fill_pixels(out, (image, row, 0), columns, shape.channels, shape.pad_value)
        with when(inside):
            for first_column in (0, left + shape.width) if left else ():
                fill_pixels(out, (image, row, first_column), left, shape.channels, shape.pad_value)
            _emit_row(shape, isa, source, out, (image, row - top, row))


def _emit_row(
    shape: PackShape, isa: InstructionSet, source: Buffer, out: Buffer, at: tuple[Expr, Expr, Expr]
) -> None:
    """Pack one row of pixels: all the whole words of a pixel, then the bits of its last, partial word."""
    image, source_row, row = at
    depth, whole = words(shape.channels), shape.channels // WORD_BITS
    left = shape.border[1] * depth
    if shape.channels % WORD_BITS == 0:
        # Without tails a row is one run of words, whatever the pixel they belong to.
        with serial(shape.width * depth) as word:
            value = _whole_word(isa, source, (image, source_row, word * WORD_BITS))
            store(out, value, image, row, left + word)
        return
    with serial(shape.width) as column:
        first = column * shape.channels
        with serial(whole) as word:
            value = _whole_word(isa, source, (image, source_row, first + word * WORD_BITS))
            store(out, value, image, row, left + column * depth + word)
        tail = (image, source_row, first + whole * WORD_BITS)
        value = _signs(isa, source, tail, shape.channels % WORD_BITS)
        store(out, value, image, row, left + column * depth + whole)


def _whole_word(isa: InstructionSet, source: Buffer, at: tuple[Expr, Expr, Expr]) -> Expr:
    """Signs of 32 consecutive floats as one word."""
    if isa in _MOVES_BYTE_MASKS:
        *outer, first = at
        positive = source[*outer, span(first, WORD_BITS)] >= constant(0, "float32", WORD_BITS)
        octets = tirx.Select(positive, constant(-1, "int8", WORD_BITS), constant(0, "int8", WORD_BITS))
        return tirx.reinterpret("uint32", llvm("llvm.x86.avx2.pmovmskb", "int32", octets))
    return _signs(isa, source, at, WORD_BITS)


def _signs(isa: InstructionSet, source: Buffer, at: tuple[Expr, Expr, Expr], bits: int) -> Expr:
    """Signs of `bits` <= 32 consecutive floats: by vectors, and one by one where no vector fits."""
    *outer, first = at
    lanes = REGISTER_FILES[isa].lanes
    signs = sign_bits(isa)
    for start in range(0, bits - bits % lanes, lanes):
        signs.add(source[*outer, span(first + start, lanes)])
    total = signs.word() if signs.vectors else tirx.const(0, "uint32")
    for start in range(bits - bits % lanes, bits):
        positive = source[*outer, first + start] >= tirx.const(0, "float32")
        total = total | tirx.Select(positive, tirx.const(1 << start, "uint32"), tirx.const(0, "uint32"))
    return total
