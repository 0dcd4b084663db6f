"""Tiles of K branches in one region of the output, kept until the last is there, and what is made of them.

    for branch k, for tile
      y_k = finish(sums) [+ residual_k]                  to the scratch
    [shown_k = y_k]
    for pixel, for vector
      m   = sum_k weight_k y_k                           in registers
      x_k = own_k y_k + share_k m                        in registers; stored, packed

The scratch is memory on purpose. Were tiles values, the code generator would compute them where they are
used: all residuals would be loaded at once, and at the end. It comes from the workspace, once for a band of
rows, since what is on the stack is aligned to 16 bytes, and a vector of 64 would lie across two lines.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from tvm import tirx

from tvm_schedules.combination import Combination
from tvm_schedules.emit import Buffer, Expr, constant, keep, local, serial, span, store, when, workspace
from tvm_schedules.nest import Region, tiles_of
from tvm_schedules.outputs import Outputs, Pixel, emit_outputs, load_channels
from tvm_schedules.tile_emitter import BlockParameters, TileEmitter


@dataclass(frozen=True)
class GroupedOperands:
    """What a group reads and writes beside its convolutions.

    Attributes:
        residuals: float32 NHWC of the output's extents, one per branch; None: nothing is added.
        shown: what shows each `y_k`, of the images below `shown_images`.
        mixed: what writes `m`; None: nobody reads it.
        inputs: what writes each `x_k`; empty: nobody reads them.
    """

    residuals: Sequence[Buffer | None]
    shown: Sequence[Outputs]
    shown_images: Expr
    mixed: Outputs | None
    inputs: Sequence[Outputs]


@dataclass(frozen=True)
class BlockStart:
    """What the regions of a block in a band share.

    Attributes:
        parameters: each branch's.
        scratch: float32 `[K, vectors, pixels of a region * lanes]`.
        exists: int32 `[block]`, 1 in lanes that are channels; None: all are, or nothing is packed.
    """

    parameters: list[BlockParameters]
    scratch: Buffer
    exists: Buffer | None


class GroupedTiles:
    """Emits, for `emit_regions`, what belongs to one region."""

    def __init__(
        self,
        emitters: Sequence[TileEmitter],
        combination: Combination,
        operands: GroupedOperands,
        limit: tuple[int, int],
    ) -> None:
        """Take an emitter for each branch, what becomes of their tiles, and the most that a region has."""
        self.emitters = emitters
        self.nest = emitters[0].nest
        self.limit = limit
        self.combination = combination
        self.operands = operands
        packs = any(output.packed for output in operands.inputs)
        # `own` and `share` may turn the -1 of a lane past the last channel round; its bit must stay 0.
        self.must_mask = emitters[0].ragged and packs

    def begin(self, _branch: Expr, block: Expr) -> BlockStart:
        """Emit what the regions of a block share."""
        nest = self.nest
        parameters = [emitter.block_parameters(k, block) for k, emitter in enumerate(self.emitters)]
        values = self.limit[0] * self.limit[1] * nest.lanes
        scratch = workspace((len(self.emitters), nest.tile.vectors, values), "float32")
        if not self.must_mask:
            return BlockStart(parameters, scratch, None)
        exists = local(nest.block, "int32")
        with serial(nest.block) as lane:
            store(exists, tirx.Select(block * nest.block + lane < nest.out_channels, 1, 0), lane)
        return BlockStart(parameters, scratch, exists)

    def region(self, region: Region, start: BlockStart) -> None:
        """Emit the tiles of all branches in a region, then what is made of them."""
        for k in range(len(self.emitters)):
            for tile, row, column in tiles_of(replace(region, branch=k), self.nest.tile):
                self.tile(tile, k, row * region.columns + column, region.columns, start)
        block = self.nest.channels(region.block)
        with when(region.image < self.operands.shown_images):
            for pixel, first in self.pixels(region):
                emit_outputs(self.operands.shown, block, [pixel], self.kept(start, first))
        written = [*([self.operands.mixed] if self.operands.mixed else []), *self.operands.inputs]
        for pixel, first in self.pixels(region):
            emit_outputs(written, block, [pixel], self.combined(start, first))

    def tile(self, tile: Region, k: int, first: Expr, pitch: int, start: BlockStart) -> None:
        """Emit a tile of branch `k` to the scratch, from pixel `first` on, `pitch` pixels to a row."""
        nest, emitter, residual = self.nest, self.emitters[k], self.operands.residuals[k]
        emitter.sums(tile)
        pixels = list(tile.pixels())
        for vector, pixel, value in emitter.finished(tile, start.parameters[k]):
            if residual is not None:
                value = value + load_channels(residual, nest.channels(tile.block), pixels[pixel], vector)
            place = first + pixel // tile.columns * pitch + pixel % tile.columns
            store(start.scratch, value, k, vector, span(place * nest.lanes, nest.lanes))

    def pixels(self, region: Region) -> Iterator[tuple[Pixel, Expr]]:
        """Loop over the pixels of a region: each, and the index of its first lane in the scratch."""
        with serial(region.rows) as row, serial(region.columns) as column:
            first = (row * region.columns + column) * self.nest.lanes
            yield (region.image, region.row + row, region.column + column), first

    def kept(self, start: BlockStart, first: Expr) -> Iterator[tuple[int, int, list[Expr]]]:
        """Yield (vector, 0, the `y_k`) of the pixel whose first lane is `first`."""
        lanes = self.nest.lanes
        for vector in range(self.nest.tile.vectors):
            of_branches = range(len(self.emitters))
            yield vector, 0, [keep(start.scratch[k, vector, span(first, lanes)], lanes) for k in of_branches]

    def combined(self, start: BlockStart, first: Expr) -> Iterator[tuple[int, int, list[Expr]]]:
        """Yield (vector, 0, [`m`,] [the `x_k`]) of the pixel whose first lane is `first`."""
        for vector, _, y in self.kept(start, first):
            total = keep(self.combination.total(y), self.nest.lanes)
            values = [total] if self.operands.mixed else []
            for k in range(len(self.operands.inputs)):
                value = self.combination.next_input(k, y[k], total)
                values.append(value if start.exists is None else self.masked(value, start.exists, vector))
            yield vector, 0, values

    def masked(self, value: Expr, exists: Buffer, vector: int) -> Expr:
        """Return `value`, -1 in lanes past the last channel."""
        lanes = self.nest.lanes
        is_channel = exists[span(vector * lanes, lanes)] > constant(0, "int32", lanes)
        return tirx.Select(is_channel, value, constant(-1, "float32", lanes))
