"""Weighted sums over the branches of a group and what each branch goes on with, in one kernel that packs too.

The arithmetic is that of `combination`: `m = sum_k weight_k y_k` and `x_k = own_k y_k + share_k m`.

    parallel (image, row)
      for 32 channels of a pixel
        for vector: load y_0 .. y_{K-1} once; m, x_0 .. x_{K-1} in registers; store what is asked for

Layouts   y, m and x float32 `[N, H, W, C]`; own, weight, share float32 `[K]`; words uint32 `[N, H + 2*bh,
          W + 2*bw, Cw]` as `pack_kernel` writes them.
"""

from dataclasses import dataclass

from tvm.target import Target

from tvm_schedules.combination import Combination
from tvm_schedules.emit import (
    Buffer,
    Expr,
    PrimFunc,
    argument,
    constant,
    keep,
    local,
    parallel,
    prim_func,
    reshaped,
    serial,
    span,
    store,
)
from tvm_schedules.errors import KernelError
from tvm_schedules.naming import KernelName
from tvm_schedules.packing import PackedOutput, PackedSigns, SignWriter, emit_border, granule_vectors
from tvm_schedules.targets import InstructionSet, instruction_set
from tvm_schedules.tile import REGISTER_FILES
from tvm_schedules.words import WORD_BITS, words


@dataclass(frozen=True)
class CombineShape:
    """Geometry of a combination of `branches` tensors.

    Raises:
        KernelError: if an extent is not positive.
    """

    batch: int
    height: int
    width: int
    channels: int
    branches: int

    def __post_init__(self) -> None:
        """Check the geometry."""
        if min(self.batch, self.height, self.width, self.channels, self.branches) < 1:
            raise KernelError(f"expected positive extents; got {self}; correct the shape")

    @property
    def tensor_shape(self) -> tuple[int, int, int, int]:
        """Shape of every float32 NHWC tensor of the kernel."""
        return self.batch, self.height, self.width, self.channels

    @property
    def row_shape(self) -> tuple[int, int, int]:
        """The same memory with the pixels of a row joined."""
        return self.batch, self.height, self.width * self.channels


def combine_kernel(
    shape: CombineShape, target: Target, *, mixed: bool, floats: bool, packed: PackedOutput | None
) -> PrimFunc:
    """Build the kernel `(y x K, own, weight, share, [m,] [x x K,] [words x K])`, parallel over rows.

    Args:
        shape: geometry; `branches` is K.
        target: where the kernel will run; picks the instruction set.
        mixed: write `m`.
        floats: write `x_0 .. x_{K-1}`.
        packed: write the packed signs of each `x_k` with this border; None: do not.

    Raises:
        KernelError: if nothing is written.
    """
    if not (mixed or floats or packed):
        raise KernelError(
            f"expected mixed, floats, packed or several; got none for {shape}; ask for what somebody reads"
        )
    isa = instruction_set(target)
    vectors = WORD_BITS // REGISTER_FILES[isa].lanes
    name = KernelName(
        op="combine",
        types="f32" + "f32" * (mixed or floats) + "b1" * (packed is not None),
        layout="nhwc",
        geometry={
            "n": (shape.batch,),
            "h": (shape.height,),
            "w": (shape.width,),
            "c": (shape.channels,),
            "m": (shape.branches,),
            "mixed": (int(mixed),),
            "floats": (int(floats),),
            **(packed.name_fields() if packed else {}),
        },
        tile={"v": (vectors,)},
        isa=isa,
    )
    branches, tensor_shape = range(shape.branches), shape.tensor_shape
    with prim_func(str(name), name.op) as built:
        y = [argument(f"y_{k}", tensor_shape, "float32") for k in branches]
        combination = Combination(shape.branches, isa)
        m = [argument("m", tensor_shape, "float32")] if mixed else []
        x = [argument(f"x_{k}", tensor_shape, "float32") for k in branches] if floats else []
        if packed is None:
            _Emitter(shape, isa, y, combination, m, x, signs=[]).emit()
        else:
            words_shape = packed.shape(*tensor_shape)
            buffers = [argument(f"words_{k}", words_shape, "uint32") for k in branches]
            granule = granule_vectors(isa, vectors) or 1
            signs = [PackedSigns.of(buffer, granule, packed.border, isa) for buffer in buffers]
            _Emitter(shape, isa, y, combination, m, x, signs).emit()
            for buffer in buffers:
                emit_border(buffer, shape.channels, packed)
    return built[0]


class _Emitter:
    """Writes the loops from the outside in; `m`, `x` and `signs` are empty where nobody reads them."""

    def __init__(
        self,
        shape: CombineShape,
        isa: InstructionSet,
        y: list[Buffer],
        combination: Combination,
        m: list[Buffer],
        x: list[Buffer],
        signs: list[PackedSigns],
    ) -> None:
        self.shape = shape
        self.lanes = REGISTER_FILES[isa].lanes
        self.y, self.m, self.x = (
            [reshaped(buffer, shape.row_shape) for buffer in buffers] for buffers in (y, m, x)
        )
        self.combination = combination
        self.packed = signs

    def emit(self) -> None:
        shape = self.shape
        depth, whole, tail = words(shape.channels), shape.channels // WORD_BITS, shape.channels % WORD_BITS
        with parallel(shape.batch * shape.height) as index:
            row = (index // shape.height, index % shape.height)
            if not tail:
                # Without tails a row is one run of words, whatever the pixel they belong to.
                with serial(shape.width * depth) as word:
                    self.word(row, word * WORD_BITS, word, WORD_BITS)
                return
            with serial(shape.width) as column:
                first = column * shape.channels
                if whole:
                    with serial(whole) as word:
                        self.word(row, first + word * WORD_BITS, column * depth + word, WORD_BITS)
                self.word(row, first + whole * WORD_BITS, column * depth + whole, tail)

    def word(self, row: tuple[Expr, Expr], first: Expr, word: Expr, channels: int) -> None:
        """Combine `channels` <= 32 consecutive channels from element `first` of a row."""
        writers = [self.writer(packed, row, word) for packed in self.packed]
        for start in range(0, channels, self.lanes):
            at = (*row, first + start)
            lanes = min(self.lanes, channels - start)
            y = [self.load(buffer, at, lanes) for buffer in self.y]
            total = keep(self.combination.total(y), self.lanes)
            for buffer in self.m:
                self.store(buffer, at, total, lanes)
            if not (self.x or writers):
                continue
            for k in range(len(y)):
                value = keep(self.combination.next_input(k, y[k], total), self.lanes)
                if self.x:
                    self.store(self.x[k], at, value, lanes)
                if writers:
                    writers[k].add(value, lanes)
        for packed, writer in zip(self.packed, writers, strict=True):
            if writer.channels:
                writer.end()
            writer.fill((WORD_BITS - channels) // packed.bits)

    def writer(self, packed: PackedSigns, row: tuple[Expr, Expr], word: Expr) -> SignWriter:
        """Return the writer of one word of a row."""
        first = (word + packed.origin[1] * words(self.shape.channels)) * (WORD_BITS // packed.bits)
        return SignWriter(packed, (row[0], row[1] + packed.origin[0]), first)

    def load(self, buffer: Buffer, at: tuple[Expr, Expr, Expr], lanes: int) -> Expr:
        """Load a vector of which `lanes` lanes exist; the rest are 0."""
        *row, first = at
        if lanes == self.lanes:
            return keep(buffer[*row, span(first, lanes)], lanes)
        loaded = local(self.lanes, "float32")
        store(loaded, constant(0, "float32", self.lanes), span(0, self.lanes))
        for lane in range(lanes):
            store(loaded, buffer[*row, first + lane], lane)
        return loaded[span(0, self.lanes)]

    def store(self, buffer: Buffer, at: tuple[Expr, Expr, Expr], value: Expr, lanes: int) -> None:
        """Store the first `lanes` lanes of a vector."""
        *row, first = at
        if lanes == self.lanes:
            store(buffer, value, *row, span(first, lanes))
            return
        spilled = local(self.lanes, "float32")
        store(spilled, value, span(0, self.lanes))
        for lane in range(lanes):
            store(buffer, spilled[lane], *row, first + lane)
