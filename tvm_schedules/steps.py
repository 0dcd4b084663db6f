"""The step of a convolution's reduction, one class per way of multiplying and accumulating.

A step takes one broadcast activation and one vector of weights (a 32-bit word of 32 signs, or a float, per
lane) and adds their product to accumulator `i` of a register tile. For signs the product is the number of
positions that differ, `popcount(a ^ w)`; the epilogue turns the total into `dot = n - 2 * total`.

| class | counts in | instructions per vector pair |
|---|---|---|
| `LanePopcount` | int32 lanes | xor, vpopcntd, add |
| `DotPopcount` | uint32 lanes | eor, cnt (bytes), udot with ones |
| `BytePopcount` | uint8 lanes, widened at the latest every 31 steps | xor, popcount of bytes, add |
| `FloatStep` | float32 lanes | multiply-add |
"""

from typing import Protocol

from tvm import tirx

from tvm_schedules.emit import Buffer, Expr, constant, llvm, local, reinterpret, span, store
from tvm_schedules.targets import InstructionSet
from tvm_schedules.tile import REGISTER_FILES

# A byte of `popcount(a ^ w)` is at most 8, so that 31 of them fit in 255.
BYTE_STEPS = 31


class Step(Protocol):
    """Accumulators of one register tile and the three things done to them."""

    max_steps: int | None
    """Steps after which `end_chunk` must be called; None: never."""

    def begin(self, accumulators: int) -> None:
        """Allocate and clear the accumulators."""

    def begin_chunk(self) -> None:
        """Prepare for at most `max_steps` steps."""

    def add(self, index: int, activation: Expr, weights: Expr) -> None:
        """Add one product to accumulator `index`; both operands are vectors."""

    def end_chunk(self) -> None:
        """Bring what the chunk counted to where `result` reads it."""

    def result(self, index: int) -> Expr:
        """Return accumulator `index`: int32 or float32, one value per lane."""


class _Lanes:
    """Accumulators that hold their final type all along."""

    max_steps: int | None = None

    def __init__(self, lanes: int, dtype: str) -> None:
        self.lanes = lanes
        self.dtype = dtype
        self.sums: Buffer = None

    def begin(self, accumulators: int) -> None:
        self.sums = local(accumulators * self.lanes, self.dtype)
        for index in range(accumulators):
            store(self.sums, constant(0, self.dtype, self.lanes), self.at(index))

    def at(self, index: int) -> Expr:
        return span(index * self.lanes, self.lanes)

    def begin_chunk(self) -> None:
        """Nothing to prepare: the accumulators cannot overflow."""

    def end_chunk(self) -> None:
        """Nothing to widen."""

    def result(self, index: int) -> Expr:
        return self.sums[self.at(index)]


class LanePopcount(_Lanes):
    """Popcount of whole 32-bit lanes, for AVX-512 VPOPCNTDQ."""

    def __init__(self, lanes: int) -> None:
        super().__init__(lanes, "int32")

    def add(self, index: int, activation: Expr, weights: Expr) -> None:
        differing = tirx.popcount(activation ^ weights).astype(f"int32x{self.lanes}")
        store(self.sums, self.sums[self.at(index)] + differing, self.at(index))


class DotPopcount(_Lanes):
    """Popcount of bytes, four of them summed into a 32-bit lane by the dot product with ones."""

    def __init__(self, lanes: int) -> None:
        super().__init__(lanes, "int32")

    def add(self, index: int, activation: Expr, weights: Expr) -> None:
        octets = 4 * self.lanes
        counts = tirx.popcount(reinterpret(activation ^ weights, f"uint8x{octets}"))
        total = llvm(
            f"llvm.aarch64.neon.udot.v{self.lanes}i32.v{octets}i8",
            f"int32x{self.lanes}",
            self.sums[self.at(index)],
            counts,
            constant(1, "uint8", octets),
        )
        store(self.sums, total, self.at(index))


class FloatStep(_Lanes):
    """Multiply-add of float32 lanes, contracted to one instruction where the CPU has one."""

    def __init__(self, lanes: int) -> None:
        super().__init__(lanes, "float32")

    def add(self, index: int, activation: Expr, weights: Expr) -> None:
        store(self.sums, self.sums[self.at(index)] + activation * weights, self.at(index))


class BytePopcount(_Lanes):
    """Popcount of bytes, summed in bytes and widened once a chunk, where neither of the above exists."""

    max_steps: int | None = BYTE_STEPS

    def __init__(self, lanes: int, isa: InstructionSet) -> None:
        super().__init__(lanes, "int32")
        self.isa = isa
        self.octets = 4 * lanes
        self.accumulators = 0
        self.counts: Buffer = None

    def begin(self, accumulators: int) -> None:
        super().begin(accumulators)
        self.accumulators = accumulators
        self.counts = local(accumulators * self.octets, "uint8")

    def octets_at(self, index: int) -> Expr:
        return span(index * self.octets, self.octets)

    def begin_chunk(self) -> None:
        for index in range(self.accumulators):
            store(self.counts, constant(0, "uint8", self.octets), self.octets_at(index))

    def add(self, index: int, activation: Expr, weights: Expr) -> None:
        differing = tirx.popcount(reinterpret(activation ^ weights, f"uint8x{self.octets}"))
        store(self.counts, self.counts[self.octets_at(index)] + differing, self.octets_at(index))

    def end_chunk(self) -> None:
        for index in range(self.accumulators):
            widened = self.widen(self.sums[self.at(index)], self.counts[self.octets_at(index)])
            store(self.sums, widened, self.at(index))

    def widen(self, total: Expr, counts: Expr) -> Expr:
        """Add the four bytes of every 32-bit lane of `counts` to `total`."""
        lanes, wide = self.lanes, f"int32x{self.lanes}"
        if self.isa is InstructionSet.NEON:
            pairs = llvm(
                f"llvm.aarch64.neon.uaddlp.v{2 * lanes}i16.v{4 * lanes}i8", f"uint16x{2 * lanes}", counts
            )
            quads = llvm(f"llvm.aarch64.neon.uaddlp.v{lanes}i32.v{2 * lanes}i16", wide, pairs)
            return total + quads
        if self.isa is InstructionSet.AVX2:
            ones = constant(1, "int8", 4 * lanes)
            pairs = llvm("llvm.x86.avx2.pmadd.ub.sw", f"int16x{2 * lanes}", counts, ones)
            return total + llvm("llvm.x86.avx2.pmadd.wd", wide, pairs, constant(1, "int16", 2 * lanes))
        word = reinterpret(counts, f"uint32x{lanes}")
        low = constant(0x00FF00FF, "uint32", lanes)
        half = constant(8, "uint32", lanes)
        pairs = (word & low) + ((word >> half) & low)
        quads = (pairs & constant(0xFFFF, "uint32", lanes)) + (pairs >> constant(16, "uint32", lanes))
        return total + quads.astype(wide)


def binary_step(isa: InstructionSet) -> Step:
    """Return the cheapest exact step for signs on `isa`."""
    lanes = REGISTER_FILES[isa].lanes
    if isa is InstructionSet.AVX512_VPOPCNTDQ:
        return LanePopcount(lanes)
    if isa is InstructionSet.NEON_DOTPROD:
        return DotPopcount(lanes)
    return BytePopcount(lanes, isa)


def float_step(isa: InstructionSet) -> Step:
    """Return the step for float32 on `isa`."""
    return FloatStep(REGISTER_FILES[isa].lanes)
