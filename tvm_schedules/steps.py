"""The step of a convolution's reduction, one class per way of multiplying and accumulating.

A step takes one broadcast activation and one vector of weights (a 32-bit word of 32 signs, or a float, per
lane) and adds their product to accumulator `i` of a register tile. For bits the product is the popcount of
`a ^ w` or of `a & w`. Of signs `a ^ w` counts the positions that differ, and the epilogue turns the total
into `dot = n - 2 * total`.

| class | counts in | instructions per vector pair |
|---|---|---|
| `LanePopcount` | int32 lanes | xor or and, vpopcntd, add |
| `DotPopcount` | uint32 lanes | eor or and, cnt (bytes), udot with ones |
| `PairPopcount` | int16 lanes, widened at the end | eor or and, cnt (bytes), uadalp |
| `BytePopcount` | uint8 lanes, widened at the latest every 31 steps | xor or and, popcount of bytes, add |
| `FloatStep` | float32 lanes | multiply-add |
| `ByteDot` | int32 lanes, of bytes: four products each | vpdpbusd or sdot |
"""

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable

from tvm import tirx

from tvm_schedules.emit import Buffer, Expr, constant, llvm, local, reinterpret, span, store
from tvm_schedules.errors import KernelError
from tvm_schedules.targets import InstructionSet
from tvm_schedules.tile import REGISTER_FILES, Counter

# The popcount of a byte is at most 8, so that 31 of them fit in 255.
BYTE_STEPS = 31

INT16_LIMIT = 1 << 15

BitProduct = Callable[[Expr, Expr], Expr]
"""Words of activations and of weights -> the words whose ones are counted: xor or and."""


class Step(ABC):
    """Accumulators of one register tile, each in an array of its own, and what is done to them.

    Attributes:
        max_steps: steps after which `end_chunk` must be called; None: never.
    """

    max_steps: int | None = None

    def __init__(self, lanes: int, dtype: str, start: int) -> None:
        """Hold `lanes` values of `dtype` in an accumulator, which begins at `start`."""
        self.lanes = lanes
        self.dtype = dtype
        self.start = start
        self.sums: list[Buffer] = []

    def begin(self, accumulators: int) -> None:
        """Allocate the accumulators and give them the value they start from."""
        self.sums = [local(self.lanes, self.dtype) for _ in range(accumulators)]
        for index in range(accumulators):
            self.set(index, constant(self.start, self.dtype, self.lanes))

    @abstractmethod
    def add(self, index: int, activation: Expr, weights: Expr) -> None:
        """Add one product to accumulator `index`; both operands are vectors."""

    def first(self, index: int, activation: Expr, weights: Expr) -> None:
        """Take the first product of a chunk, which may overwrite what the last chunk left behind."""
        self.add(index, activation, weights)

    def end_chunk(self) -> None:
        """Bring what the chunk counted to where `result` reads it: without chunks it is there already."""
        return

    def double(self) -> None:
        """Double every accumulator, between two chunks."""
        for index in range(len(self.sums)):
            self.set(index, self.result(index) + self.result(index))

    def set(self, index: int, value: Expr) -> None:
        """Replace accumulator `index`."""
        store(self.sums[index], value, span(0, self.lanes))

    def result(self, index: int) -> Expr:
        """Return accumulator `index`: int32 or float32, one value per lane."""
        return self.sums[index][span(0, self.lanes)]


class LanePopcount(Step):
    """Popcount of whole 32-bit lanes, for AVX-512 VPOPCNTDQ."""

    def __init__(self, lanes: int, start: int, product: BitProduct) -> None:
        super().__init__(lanes, "int32", start)
        self.product = product

    def add(self, index: int, activation: Expr, weights: Expr) -> None:
        counts = tirx.popcount(self.product(activation, weights)).astype(f"int32x{self.lanes}")
        self.set(index, self.result(index) + counts)


class DotPopcount(Step):
    """Popcount of bytes, four of them summed into a 32-bit lane by the dot product with ones."""

    def __init__(self, lanes: int, start: int, product: BitProduct) -> None:
        super().__init__(lanes, "int32", start)
        self.product = product

    def add(self, index: int, activation: Expr, weights: Expr) -> None:
        octets = 4 * self.lanes
        counts = tirx.popcount(reinterpret(self.product(activation, weights), f"uint8x{octets}"))
        total = llvm(
            f"llvm.aarch64.neon.udot.v{self.lanes}i32.v{octets}i8",
            f"int32x{self.lanes}",
            self.result(index),
            counts,
            constant(1, "uint8", octets),
        )
        self.set(index, total)


class PairPopcount(Step):
    """Popcount of bytes, neighbours summed into a 16-bit lane by NEON's uadalp, which nothing need widen.

    The two halves of a 32-bit lane share the start, and only their sum has a meaning.
    """

    def __init__(self, lanes: int, start: int, product: BitProduct) -> None:
        super().__init__(lanes, "int16", start)
        self.product = product
        self.halves = 2 * lanes

    def begin(self, accumulators: int) -> None:
        self.sums = [local(self.lanes, "uint32") for _ in range(accumulators)]
        low, high = self.start // 2, self.start - self.start // 2
        both = low % (1 << 16) + (high % (1 << 16) << 16)
        for index in range(accumulators):
            self.set(index, constant(both, "uint32", self.lanes))

    def add(self, index: int, activation: Expr, weights: Expr) -> None:
        octets = 2 * self.halves
        counts = tirx.popcount(reinterpret(self.product(activation, weights), f"uint8x{octets}"))
        intrinsic = f"llvm.aarch64.neon.uaddlp.v{self.halves}i16.v{octets}i8"
        pairs = llvm(intrinsic, f"int16x{self.halves}", counts)
        self.set(index, reinterpret(self.pairs(index) + pairs, f"uint32x{self.lanes}"))

    def double(self) -> None:
        for index in range(len(self.sums)):
            twice = self.pairs(index) + self.pairs(index)
            self.set(index, reinterpret(twice, f"uint32x{self.lanes}"))

    def pairs(self, index: int) -> Expr:
        """Return accumulator `index` as it is kept: int16."""
        return reinterpret(self.sums[index][span(0, self.lanes)], f"int16x{self.halves}")

    def result(self, index: int) -> Expr:
        intrinsic = f"llvm.aarch64.neon.saddlp.v{self.lanes}i32.v{self.halves}i16"
        return llvm(intrinsic, f"int32x{self.lanes}", self.pairs(index))


class FloatStep(Step):
    """Multiply-add of float32 lanes, contracted to one instruction where the CPU has one."""

    def __init__(self, lanes: int) -> None:
        super().__init__(lanes, "float32", start=0)

    def add(self, index: int, activation: Expr, weights: Expr) -> None:
        self.set(index, self.result(index) + activation * weights)


class BytePopcount(Step):
    """Popcount of bytes, summed in bytes and widened once a chunk, where neither of the above exists."""

    max_steps: int | None = BYTE_STEPS

    def __init__(self, lanes: int, start: int, product: BitProduct, isa: InstructionSet) -> None:
        super().__init__(lanes, "int32", start)
        self.product = product
        self.isa = isa
        self.octets = 4 * lanes
        self.counts: list[Buffer] = []

    def begin(self, accumulators: int) -> None:
        super().begin(accumulators)
        self.counts = [local(self.octets, "uint8") for _ in range(accumulators)]

    def ones(self, activation: Expr, weights: Expr) -> Expr:
        return tirx.popcount(reinterpret(self.product(activation, weights), f"uint8x{self.octets}"))

    def first(self, index: int, activation: Expr, weights: Expr) -> None:
        store(self.counts[index], self.ones(activation, weights), span(0, self.octets))

    def add(self, index: int, activation: Expr, weights: Expr) -> None:
        whole = span(0, self.octets)
        store(self.counts[index], self.counts[index][whole] + self.ones(activation, weights), whole)

    def end_chunk(self) -> None:
        for index, count in enumerate(self.counts):
            self.set(index, self.widen(self.result(index), count[span(0, self.octets)]))

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


class ByteDot(Step):
    """Dot product of four bytes in each 32-bit lane: bytes of pixels with signed bytes of weights.

    VNNI takes pixels as they are, 0 to 255; NEON's dot product takes signed bytes, the pixels less 128
    (`signs_pixels`).
    """

    def __init__(self, isa: InstructionSet) -> None:
        super().__init__(REGISTER_FILES[isa].lanes, "int32", start=0)
        self.signs_pixels = isa is InstructionSet.NEON_DOTPROD
        octets = 4 * self.lanes
        self._octets = f"int8x{octets}"
        self._intrinsic = (
            f"llvm.aarch64.neon.sdot.v{self.lanes}i32.v{octets}i8"
            if self.signs_pixels
            else f"llvm.x86.avx512.vpdpbusd.{8 * octets}"
        )

    def add(self, index: int, activation: Expr, weights: Expr) -> None:
        # NEON's instruction picks a lane of its second factor; VNNI's first is the unsigned one.
        factors = (weights, activation) if self.signs_pixels else (activation, weights)
        operands = (reinterpret(words, self._octets) for words in factors)
        self.set(index, llvm(self._intrinsic, f"int32x{self.lanes}", self.result(index), *operands))


def binary_step(
    isa: InstructionSet, counter: Counter | None, totals: range, product: BitProduct = operator.xor
) -> Step:
    """Return a step that counts the ones of `product`.

    Args:
        isa: what the step is made of.
        counter: what to count in; None: the first of the instruction set's that holds the totals.
        totals: from the number that counting starts at to the largest it may come to.
        product: words of activations and weights to the words whose ones are counted.

    Raises:
        KernelError: if the instruction set has no such counter, or its lanes do not hold the totals.
    """
    registers = REGISTER_FILES[isa]
    fitting = [known for known in registers.counters if known is not Counter.PAIRS or _pairs_hold(totals)]
    chosen = counter or fitting[0]
    if chosen not in fitting:
        raise KernelError(
            f"expected a counter among {[known.name for known in fitting]} for {isa.value} and totals in "
            f"{totals}; got {chosen.name}; leave it out"
        )
    if chosen is Counter.PAIRS:
        return PairPopcount(registers.lanes, totals.start, product)
    if chosen is Counter.BYTES:
        return BytePopcount(registers.lanes, totals.start, product, isa)
    lanes = LanePopcount if isa is InstructionSet.AVX512_VPOPCNTDQ else DotPopcount
    return lanes(registers.lanes, totals.start, product)


def _pairs_hold(totals: range) -> bool:
    """Whether half the start and everything that is counted fit 16 bits: all ones may fall into one half."""
    most = totals.start - totals.start // 2 + (totals[-1] - totals.start)
    return -INT16_LIMIT <= totals.start // 2 and most < INT16_LIMIT


def float_step(isa: InstructionSet) -> Step:
    """Return the step for float32 on `isa`."""
    return FloatStep(REGISTER_FILES[isa].lanes)
