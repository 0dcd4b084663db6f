"""Banks of accumulator tiles that take outer products of sign words: SME2's ZA, and a model of it.

A bank has four int32 tiles of 16 x 16. `accumulate` adds, wherever both masks hold, the count of positions
in which a row's word and a column's word agree (`bmopa`). A loop nest is written once against
`AccumulatorBank`: `StreamingBank` turns it into SME2 code, `ModelBank` into plain loops that any CPU runs, so
that everything around the instruction (layouts, indices, masks, epilogue) can be checked without the CPU
that has it.

ZA       a kernel owns ZA between `smstart za` and `smstop za`, and finds it off: nothing of the runtime that
         calls kernels uses ZA, so that there is no dormant state of a caller to save first.
Lanes    code for SME2 uses scalable vectors, the only ones with instructions in streaming mode; they have 16
         lanes because the kernel checks the vector length before it enters that mode.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from tvm import tirx
from tvm.tirx.script.builder import ir as builder

from tvm_schedules.bmopa import STREAMING_VECTOR_BITS, TILE_EXTENT, ZA32_TILES
from tvm_schedules.emit import Buffer, Expr, local, serial, span, store, when, workspace

# SVE's vectors come in multiples of 128 bits.
_GRANULE_LANES = 4
_ALL_OF_ZA = 0xFF


class AccumulatorBank(ABC):
    """Four tiles `[16, 16]` of int32, and the vectors and masks of 16 lanes that go with them.

    Attributes:
        lanes: lanes of a vector, as TVM counts them.
        suffix: what makes a vector type of an element type.
    """

    lanes: Expr
    suffix: str

    def check_vector_length(self) -> None:
        """Emit, outside of `region`, what stops the kernel on a CPU with tiles of another size."""
        return

    @contextmanager
    @abstractmethod
    def region(self) -> Iterator[None]:
        """Emit what the tiles need around their use; at most one region to a function."""

    @abstractmethod
    def zero(self) -> None:
        """Clear all four tiles."""

    @abstractmethod
    def accumulate(self, tile: int, row_mask: Expr, column_mask: Expr, rows: Expr, columns: Expr) -> None:
        """Add the outer product of two int32 vectors of sign words to a tile."""

    @abstractmethod
    def row(self, tile: int, index: Expr, mask: Expr) -> Expr:
        """Return a row of a tile as an int32 vector, zero where `mask` does not hold."""

    def mask(self, first: Expr, limit: int) -> Expr:
        """Return a mask that holds in lane `i` if `first + i < limit`."""
        start, end = (_int32(value) for value in (first, limit))
        return tirx.get_active_lane_mask(f"bool{self.suffix}", start, end)

    def ramp(self, start: Expr) -> Expr:
        """Index of a vector of consecutive elements."""
        return tirx.Ramp(start, 1, self.lanes)

    def broadcast(self, value: Expr) -> Expr:
        """Return a vector that repeats a scalar."""
        return tirx.Broadcast(value, self.lanes)

    def load(self, buffer: Buffer, mask: Expr, *indices: Expr) -> Expr:
        """Load consecutive elements where `mask` holds; the last index is that of lane 0."""
        *outer, first = indices
        dtype = f"{buffer.ty.dtype}{self.suffix}"
        return tirx.op.masked_load(dtype, buffer, *outer, self.ramp(first), mask)

    def store(self, buffer: Buffer, value: Expr, mask: Expr, *indices: Expr) -> None:
        """Store consecutive elements where `mask` holds; the last index is that of lane 0."""
        *outer, first = indices
        builder.evaluate(tirx.op.masked_store(buffer, value, *outer, self.ramp(first), mask))


class StreamingBank(AccumulatorBank):
    """The tiles of ZA, in streaming mode."""

    suffix = f"xvscalex{_GRANULE_LANES}"

    def __init__(self) -> None:
        self.lanes = tirx.get_vscale_expr("int32")

    def check_vector_length(self) -> None:
        doublewords = tirx.call_llvm_pure_intrin("int64", "llvm.aarch64.sme.cntsd")
        expected = tirx.const(STREAMING_VECTOR_BITS // 64, "int64")
        message = (
            f"expected streaming vectors of {STREAMING_VECTOR_BITS} bits; got another length; "
            "build for this CPU without the SME2 kernel"
        )
        with builder.Assert(doublewords == expected, message):
            pass

    @contextmanager
    def region(self) -> Iterator[None]:
        # The code generator makes the whole function around this attribute a streaming one. Its
        # attribute for a new ZA is unknown to current LLVM, hence the explicit switch.
        with builder.attr(_int32(0), "pragma_aarch64_pstate_sm", "body"):
            _effect("llvm.aarch64.sme.za.enable")
            yield
            _effect("llvm.aarch64.sme.za.disable")

    def zero(self) -> None:
        _effect("llvm.aarch64.sme.zero", _int32(_ALL_OF_ZA))

    def accumulate(self, tile: int, row_mask: Expr, column_mask: Expr, rows: Expr, columns: Expr) -> None:
        _effect("llvm.aarch64.sme.bmopa.za32", _int32(tile), row_mask, column_mask, rows, columns)

    def row(self, tile: int, index: Expr, mask: Expr) -> Expr:
        return tirx.call_llvm_intrin(
            f"int32{self.suffix}",
            "llvm.aarch64.sme.read.horiz",
            self.broadcast(_int32(0)),
            mask,
            _int32(tile),
            _int32(index),
        )


class ModelBank(AccumulatorBank):
    """The same tiles in memory, and `bmopa` as the loops of its definition."""

    suffix = f"x{TILE_EXTENT}"

    def __init__(self) -> None:
        self.lanes = TILE_EXTENT
        self.tiles: Buffer = None

    @contextmanager
    def region(self) -> Iterator[None]:
        self.tiles = workspace((ZA32_TILES, TILE_EXTENT, TILE_EXTENT), "int32")
        yield

    def zero(self) -> None:
        zeros = self.broadcast(_int32(0))
        with serial(ZA32_TILES) as tile, serial(TILE_EXTENT) as row:
            store(self.tiles, zeros, tile, row, span(0, TILE_EXTENT))

    def accumulate(self, tile: int, row_mask: Expr, column_mask: Expr, rows: Expr, columns: Expr) -> None:
        row_is_active, column_is_active = self._lanes_of(row_mask), self._lanes_of(column_mask)
        row_words, column_words = self._in_memory(rows), self._in_memory(columns)
        with serial(TILE_EXTENT) as row, serial(TILE_EXTENT) as column:
            with when(tirx.all(row_is_active[row] == 1, column_is_active[column] == 1)):
                agreeing = tirx.popcount(tirx.bitwise_not(row_words[row] ^ column_words[column]))
                store(self.tiles, self.tiles[tile, row, column] + agreeing, tile, row, column)

    def row(self, tile: int, index: Expr, mask: Expr) -> Expr:
        return self.load(self.tiles, mask, tile, index, 0)

    def _lanes_of(self, mask: Expr) -> Buffer:
        """Write a mask to memory, 1 where it holds."""
        ones, zeros = (self.broadcast(_int32(value)) for value in (1, 0))
        return self._in_memory(tirx.Select(mask, ones, zeros))

    def _in_memory(self, vector: Expr) -> Buffer:
        copy = local(TILE_EXTENT, "int32")
        store(copy, vector, span(0, TILE_EXTENT))
        return copy


def _int32(value: Expr) -> Expr:
    return tirx.const(value, "int32") if isinstance(value, int) else value


def _effect(intrinsic: str, *operands: Expr) -> None:
    """Call an LLVM intrinsic for its effect on ZA."""
    builder.evaluate(tirx.call_llvm_intrin("void", intrinsic, *operands))
