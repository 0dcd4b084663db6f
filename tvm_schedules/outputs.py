"""What a convolution's nest does with finished vectors: add a residual, write floats, write packed signs.

    for vector of output channels, for pixel of the tile
      value = finish(sums) [+ residual]                    in registers
      [floats[pixel, channels] = value]
      [signs of the pixel's granule += signs of value; the last vector of a granule stores it]

A block of output channels may reach past the last channel. Then floats are stored and residuals loaded lane
by lane, and the parameters' fillers (`Parameter.filler`) make every lane past the last channel negative,
which is bit 0, so that granules are stored whole.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tvm_schedules.emit import Buffer, Expr, constant, keep, local, serial, span, store, when
from tvm_schedules.packing import PackedSigns, SignWriter

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
    outputs: Sequence[Outputs],
    block: ChannelBlock,
    pixels: list[Pixel],
    finished: Iterator[tuple[int, int, Sequence[Expr]]],
) -> None:
    """Write what `finished` yields: (index of the vector, index of the pixel, a value for each of `outputs`).

    The vectors of a pixel come in order.
    """
    writers = [[_writer(output.packed, block, at) for at in pixels] for output in outputs]
    for vector, pixel, values in finished:
        for output, value, of_pixels in zip(outputs, values, writers, strict=True):
            if output.residual is not None:
                value = value + load_channels(output.residual, block, pixels[pixel], vector)
            # A temporary, so that storing and packing use one value rather than one expression.
            kept = keep(value, block.lanes)
            if output.floats is not None:
                _store(output.floats, block, pixels[pixel], vector, kept)
            writer = of_pixels[pixel]
            if writer is not None:
                writer.add(kept, block.lanes)
    for output, of_pixels in zip(outputs, writers, strict=True):
        if output.packed is None:
            continue
        filler = output.packed.per_pixel(block.channels) - block.blocks * _granules(output.packed, block)
        if filler:
            with when(block.index == block.blocks - 1):
                for writer in of_pixels:
                    if writer is not None:
                        writer.fill(filler)


def _granules(packed: PackedSigns, block: ChannelBlock) -> int:
    """Granules of a block of channels."""
    return block.vectors * block.lanes // packed.bits


def _writer(packed: PackedSigns | None, block: ChannelBlock, at: Pixel) -> SignWriter | None:
    """Return the writer of a pixel's block of channels, if its signs are packed."""
    if packed is None:
        return None
    image, row, column = at
    first = (column + packed.origin[1]) * packed.per_pixel(block.channels)
    first = first + block.index * _granules(packed, block)
    return SignWriter(packed, (image, row + packed.origin[0]), first)


def load_channels(source: Buffer, block: ChannelBlock, at: Pixel, vector: int) -> Expr:
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


def _store(out: Buffer, block: ChannelBlock, at: Pixel, vector: int, value: Expr) -> None:
    """Store one vector of channels, without touching memory past the last one."""
    first, lanes = block.first(vector), block.lanes
    if not block.is_ragged:
        store(out, value, *at, span(first, lanes))
        return
    with when(first + lanes <= block.channels):
        store(out, value, *at, span(first, lanes))
    with when(first + lanes > block.channels):
        # Indexed by a variable, this copy is in memory; `value` itself stays in a register.
        spilled = local(lanes, "float32")
        store(spilled, value, span(0, lanes))
        with serial(lanes) as lane, when(first + lane < block.channels):
            store(out, spilled[lane], *at, first + lane)
