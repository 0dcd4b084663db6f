"""What a convolution's nest does with finished vectors: add a residual, write floats, write packed signs.

    for vector of output channels, for pixel of the tile
      value = finish(sums) [+ residual]                    in registers
      [floats[pixel, channels] = value]
    [for pixel: granules[pixel, channels] = signs of its values]

A block of output channels may reach past the last channel. Then floats are stored and residuals loaded lane
by lane, and the parameters' fillers (`Parameter.filler`) make every lane past the last channel negative,
which is bit 0, so that granules are stored whole.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tvm import tirx

from tvm_schedules.emit import Buffer, Expr, constant, local, serial, span, store, when
from tvm_schedules.packing import sign_bits
from tvm_schedules.targets import InstructionSet
from tvm_schedules.words import WORD_BITS

Prepare = Callable[[list[Expr]], list[Expr]]
"""A vector of each per-channel parameter -> the factors of the epilogue; once for all pixels of a tile."""

Finish = Callable[[Expr, list[Expr]], Expr]
"""(accumulated vector, factors of the same channels) -> float32 vector to store; once for each pixel."""


@dataclass(frozen=True)
class Epilogue:
    """What happens to the sums while they are in registers."""

    prepare: Prepare
    finish: Finish


@dataclass(frozen=True)
class Parameter:
    """A float32 `[branches * O]` vector that the epilogue uses.

    Attributes:
        values: the vector.
        filler: value in lanes past the last channel.
    """

    values: Buffer
    filler: float = 0.0


@dataclass(frozen=True)
class PackedSigns:
    """Where a branch's packed signs go.

    Attributes:
        granules: the words, viewed by `granule_view`.
        bits: bits of a granule.
        origin: row and column of output pixel (0, 0): the width of the border.
        isa: instruction set that makes them.
    """

    granules: Buffer
    bits: int
    origin: tuple[int, int]
    isa: InstructionSet


@dataclass(frozen=True)
class Outputs:
    """What one branch of a convolution writes, and the residual it adds; all NHWC of the output's extents."""

    floats: Buffer | None
    packed: PackedSigns | None = None
    residual: Buffer | None = None


@dataclass(frozen=True)
class ChannelBlock:
    """The channels that a register tile computes.

    Attributes:
        index: block within the branch.
        blocks: blocks of a branch.
        vectors: vectors in a block.
        lanes: channels of a vector.
        channels: channels of a branch, `O`.
    """

    index: Expr
    blocks: int
    vectors: int
    lanes: int
    channels: int

    @property
    def is_ragged(self) -> bool:
        """Whether the last block reaches past the last channel."""
        return self.blocks * self.vectors * self.lanes != self.channels

    def first(self, vector: int) -> Expr:
        """First channel of a vector."""
        return (self.index * self.vectors + vector) * self.lanes


Pixel = tuple[Expr, Expr, Expr]


def emit_outputs(
    outputs: Outputs,
    block: ChannelBlock,
    pixels: list[Pixel],
    finished: Iterator[tuple[int, int, Expr]],
) -> None:
    """Write what `finished` yields as (index of the vector, index of the pixel, value)."""
    values: list[list[Expr]] = [[] for _ in pixels]
    for vector, pixel, computed in finished:
        if outputs.residual is not None:
            computed = computed + _load(outputs.residual, block, pixels[pixel], vector)
        # A temporary, so that storing and packing use one value rather than one expression.
        kept = local(block.lanes, "float32")
        store(kept, computed, span(0, block.lanes))
        values[pixel].append(kept[span(0, block.lanes)])
        if outputs.floats is not None:
            _store(outputs.floats, block, pixels[pixel], vector, kept)
    if outputs.packed is not None:
        for at, of_pixel in zip(pixels, values, strict=True):
            _pack(outputs.packed, block, at, of_pixel)


def _load(source: Buffer, block: ChannelBlock, at: Pixel, vector: int) -> Expr:
    """Load one vector of channels, zeros past the last one."""
    first, lanes = block.first(vector), block.lanes
    if not block.is_ragged:
        return source[*at, span(first, lanes)]
    loaded = local(lanes, "float32")
    store(loaded, constant(0, "float32", lanes), span(0, lanes))
    with when(first + lanes <= block.channels):
        store(loaded, source[*at, span(first, lanes)], span(0, lanes))
    with (
        when(first + lanes > block.channels),
        serial(lanes) as lane,
        when(first + lane < block.channels),
    ):
        store(loaded, source[*at, first + lane], lane)
    return loaded[span(0, lanes)]


def _store(out: Buffer, block: ChannelBlock, at: Pixel, vector: int, kept: Buffer) -> None:
    """Store one vector of channels, without touching memory past the last one."""
    first, lanes = block.first(vector), block.lanes
    value = kept[span(0, lanes)]
    if not block.is_ragged:
        store(out, value, *at, span(first, lanes))
        return
    with when(first + lanes <= block.channels):
        store(out, value, *at, span(first, lanes))
    with when(first + lanes > block.channels):
        # Indexed by a variable, this copy is in memory; `kept` itself stays in a register.
        spilled = local(lanes, "float32")
        store(spilled, value, span(0, lanes))
        with serial(lanes) as lane, when(first + lane < block.channels):
            store(out, spilled[lane], *at, first + lane)


def _pack(packed: PackedSigns, block: ChannelBlock, at: Pixel, values: list[Expr]) -> None:
    """Store the signs of a pixel's block of channels; the last block fills up the last word."""
    image, row, column = at
    per_granule = packed.bits // block.lanes
    per_block = block.vectors // per_granule
    per_pixel = -(-block.channels // WORD_BITS) * (WORD_BITS // packed.bits)
    first = (column + packed.origin[1]) * per_pixel
    for granule in range(per_block):
        bits = sign_bits(values[granule * per_granule : (granule + 1) * per_granule], packed.isa)
        index = first + block.index * per_block + granule
        store(packed.granules, bits.astype(packed.granules.dtype), image, row + packed.origin[0], index)
    filler = range(block.blocks * per_block, per_pixel)
    if filler:
        with when(block.index == block.blocks - 1):
            for granule in filler:
                zero = tirx.const(0, packed.granules.dtype)
                store(packed.granules, zero, image, row + packed.origin[0], first + granule)
