"""The signs of float vectors as the bits of a word, one class per way of getting them there.

Vectors of consecutive channels come one by one, the first channel lowest, up to 32 channels. `x >= 0` is bit
1 (0.0 and -0.0 too), anything else bit 0, NaN included.

| class | a vector | at the end |
|---|---|---|
| `MaskBits` | AVX-512: compare to a mask; AVX2: compare, movmskps | nothing |
| `ShiftInsertBits` | NEON: fcmge, sli | and, addv |
| `LaneBits` | compare, select a bit, or | add the lanes |
"""

from abc import ABC, abstractmethod

from tvm import tirx

from tvm_schedules.emit import Buffer, Expr, constant, llvm, local, reinterpret, span, store
from tvm_schedules.targets import InstructionSet
from tvm_schedules.tile import REGISTER_FILES


class SignBits(ABC):
    """Collects signs; a vector is used up as it comes, so that none waits in a register for the last one."""

    def __init__(self, lanes: int, width: int) -> None:
        """Collect vectors of `lanes` channels in `width` lanes of uint32."""
        self.lanes = lanes
        self.width = width
        self.vectors = 0
        self.memory: Buffer = None

    def add(self, value: Expr) -> None:
        """Take the next channels: a float32 vector as wide as a register."""
        positive = value >= constant(0, "float32", self.lanes)
        if self.vectors == 0:
            self.memory = local(self.width, "uint32")
            bits = self.first(positive)
        else:
            bits = self.next(self.collected(), positive, self.vectors * self.lanes)
        store(self.memory, bits, span(0, self.width))
        self.vectors += 1

    def collected(self) -> Expr:
        """Return what the vectors so far have left."""
        return self.memory[span(0, self.width)]

    @abstractmethod
    def first(self, positive: Expr) -> Expr:
        """Return what the first vector leaves: a uint32 vector of `width` lanes."""

    @abstractmethod
    def next(self, collected: Expr, positive: Expr, shift: int) -> Expr:
        """Put the bits of the vector that begins at channel `shift` to those collected so far."""

    @abstractmethod
    def word(self) -> Expr:
        """Return the signs as the low bits of a uint32; needs at least one vector."""


class MaskBits(SignBits):
    """Moves the comparison's mask to a general register, for AVX-512 (16 lanes) and AVX2 (8 lanes)."""

    def __init__(self, lanes: int) -> None:
        super().__init__(lanes, width=1)

    def first(self, positive: Expr) -> Expr:
        if self.lanes == 16:
            # LLVM sees through the bytes, and stores the mask register of the comparison.
            octets = self._ones(positive, "int8")
            return reinterpret(llvm("llvm.x86.sse2.pmovmskb.128", "int32", octets), "uint32")
        whole = reinterpret(self._ones(positive, "int32"), f"float32x{self.lanes}")
        return reinterpret(llvm("llvm.x86.avx.movmsk.ps.256", "int32", whole), "uint32")

    def next(self, collected: Expr, positive: Expr, shift: int) -> Expr:
        return collected | (self.first(positive) << tirx.const(shift, "uint32"))

    def word(self) -> Expr:
        return self.collected()

    def _ones(self, positive: Expr, dtype: str) -> Expr:
        return tirx.Select(positive, constant(-1, dtype, self.lanes), constant(0, dtype, self.lanes))


class LaneBits(SignBits):
    """Gives every lane the bits of its own channels, and adds the lanes: no bit is in two of them."""

    def __init__(self, lanes: int) -> None:
        super().__init__(lanes, width=lanes)

    def first(self, positive: Expr) -> Expr:
        return self.select(positive, self.own(1))

    def next(self, collected: Expr, positive: Expr, shift: int) -> Expr:
        return collected | self.select(positive, self.own(1 << shift))

    def word(self) -> Expr:
        return llvm(f"llvm.vector.reduce.add.v{self.lanes}i32", "uint32", self.collected())

    def own(self, bits: int) -> Expr:
        """Shift `bits` by the number of the lane."""
        numbers = tirx.Ramp(tirx.const(0, "uint32"), tirx.const(1, "uint32"), self.lanes)
        return constant(bits, "uint32", self.lanes) << numbers

    def select(self, positive: Expr, bits: Expr) -> Expr:
        return tirx.Select(positive, bits, constant(0, "uint32", self.lanes))


class ShiftInsertBits(LaneBits):
    """Inserts each comparison beside the one before, a nibble a vector, for NEON.

    A lane then holds the bits of its own channels and copies of some beside them, which one `and` removes.
    """

    def first(self, positive: Expr) -> Expr:
        return self.select(positive, constant(0xFFFFFFFF, "uint32", self.lanes))

    def next(self, collected: Expr, positive: Expr, shift: int) -> Expr:
        intrinsic, dtype = f"llvm.aarch64.neon.vsli.v{self.lanes}i32", f"uint32x{self.lanes}"
        return llvm(intrinsic, dtype, collected, self.first(positive), tirx.const(shift, "int32"))

    def word(self) -> Expr:
        own = self.own(sum(1 << (number * self.lanes) for number in range(self.vectors)))
        return llvm(f"llvm.vector.reduce.add.v{self.lanes}i32", "uint32", self.collected() & own)


def sign_bits(isa: InstructionSet) -> SignBits:
    """Return a collector of signs for `isa`, with no channels yet."""
    lanes = REGISTER_FILES[isa].lanes
    if isa is InstructionSet.AVX512_VPOPCNTDQ or isa is InstructionSet.AVX2:
        return MaskBits(lanes)
    if isa is InstructionSet.NEON or isa is InstructionSet.NEON_DOTPROD:
        return ShiftInsertBits(lanes)
    return LaneBits(lanes)
