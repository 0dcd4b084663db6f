"""The loop nest that every convolution here shares: register tiles over pixels and output channels.

    parallel (block of output channels, image, band of rows)
      for tile of columns
        accumulators = 0                                 rows x columns x vectors, in registers
        for kh, for run, for step in run                 a run: consecutive elements of one input row
          broadcast one activation per pixel, load one weight vector per group, step
        outputs from the registers (`outputs`)

Source `[N, Hp, Wp * depth]`, weights `[branches * blocks, KH, KW * depth, ot]`, outputs `[N, Ho, Wo, O]`,
where `depth` is the elements of a pixel (words or channels). Rows and columns are cut into at most two
sizes of tile each, so that no width needs a bounds check; only the last block of output channels may be
partly filled. Branches are convolutions of one source with outputs of their own: one loop over the blocks
of all of them, and a choice of outputs at the end of each tile. The loops over tiles are here; a tile itself
is `tile_emitter`'s, and convolutions of several sources put tiles together themselves (`grouped_tiles`).

Operands of several bits are stored plane by plane: source `[A * N, Hp, Wp * depth]`, weights `[W * blocks,
KH, KW * depth, ot]`, plane `i` worth `2**i`. The reduction then runs over every pair of planes, the highest
first, and doubles the accumulators wherever the worth halves (Horner's rule); they must start from 0.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TypeVar

from tvm_schedules.emit import Buffer, Expr, parallel, serial, when
from tvm_schedules.outputs import ChannelBlock, Outputs, Parameter, Pixel
from tvm_schedules.partition import partition, parts
from tvm_schedules.tile import Tile


@dataclass(frozen=True)
class Nest:
    """Everything that shapes the loops.

    Attributes:
        out_channels: output channels of one branch.
        offset: row and column of the stored source at which the kernel's first position lies for output
            pixel (0, 0).
        depth: elements of one source pixel.
        lanes: lanes of a vector.
        broadcasts_lanes: load up to four activations at once and broadcast them lane by lane.
        branches: convolutions of the same source.
        rows_first: go through all blocks of a band of rows before the next band, rather than the reverse.
        planes: bit planes of the source, and of the weights of a single branch: at most 2.
    """

    batch: int
    out_height: int
    out_width: int
    out_channels: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    offset: tuple[int, int]
    depth: int
    lanes: int
    broadcasts_lanes: bool
    tile: Tile
    branches: int = 1
    rows_first: bool = False
    planes: tuple[int, int] = (1, 1)

    @property
    def block(self) -> int:
        """Output channels of one block of weights."""
        return self.tile.vectors * self.lanes

    @property
    def blocks(self) -> int:
        """Blocks of output channels of one branch."""
        return parts(self.out_channels, self.block)

    def channels(self, block: Expr) -> ChannelBlock:
        """Return the output channels of block `block` of a branch."""
        return ChannelBlock(block, self.blocks, self.tile.vectors, self.lanes, self.out_channels)

    @property
    def runs(self) -> tuple[int, int]:
        """How many runs of consecutive elements one kernel row reads, and the length of each."""
        if self.dilation[1] == 1:
            return 1, self.kernel[1] * self.depth
        return self.kernel[1], self.depth

    @property
    def load_width(self) -> int:
        """Activations to a load.

        Where a pixel has one or two elements, loads keep to pixels: neighbouring pixels of a tile then make
        the same loads, and the code generator shares them and their broadcasts (a tenth of the instructions
        at 64 channels).
        """
        if not self.broadcasts_lanes:
            return 1
        return self.depth if self.depth <= 2 else 4


@dataclass(frozen=True)
class Operands:
    """The buffers of a convolution; `outputs` has one entry per branch."""

    source: Buffer
    weights: Buffer
    parameters: tuple[Parameter, ...]
    outputs: tuple[Outputs, ...]


@dataclass(frozen=True)
class Region:
    """`rows x columns` output pixels from (`row`, `column`), a block of channels of them: a tile, or more."""

    image: Expr
    branch: Expr
    block: Expr
    row: Expr
    column: Expr
    rows: int
    columns: int

    def pixels(self) -> Iterator[Pixel]:
        """Return (image, row, column) of each pixel, row by row."""
        for index in range(self.rows * self.columns):
            yield self.image, self.row + index // self.columns, self.column + index % self.columns


Started = TypeVar("Started")


def emit_regions(
    nest: Nest,
    limit: tuple[int, int],
    begin: Callable[[Expr, Expr], Started],
    body: Callable[[Region, Started], None],
) -> None:
    """Emit the loops over regions, parallel over blocks of output channels and bands of rows.

    Args:
        nest: what shapes the loops.
        limit: rows and columns of a region, at most.
        begin: emits what is done once for a (branch, block), before the regions of a band.
        body: emits a region, given what `begin` returned.
    """
    segments = partition(nest.out_height, limit[0])
    bands = sum(segment.count for segment in segments)
    rows, blocks = nest.batch * bands, nest.branches * nest.blocks
    with parallel(blocks * rows) as index:
        if nest.rows_first:
            of_branches, place = index % blocks, index // blocks
        else:
            of_branches, place = index // rows, index % rows
        branch = of_branches // nest.blocks if nest.branches > 1 else 0
        block = of_branches % nest.blocks
        image, band = place // bands, place % bands
        started = begin(branch, block)
        for number, segment in enumerate(segments):
            earlier = number * segments[0].count
            with ExitStack() as stack:
                if len(segments) == 2:
                    stack.enter_context(when(band >= earlier if number else band < segments[0].count))
                row = segment.start + (band - earlier) * segment.size
                for columns in partition(nest.out_width, limit[1]):
                    with serial(columns.count) as part:
                        column = columns.start + part * columns.size
                        body(Region(image, branch, block, row, column, segment.size, columns.size), started)


def tiles_of(region: Region, tile: Tile) -> Iterator[tuple[Region, Expr, Expr]]:
    """Loop over the register tiles of a region: each, and its first row and column within the region."""
    for rows in partition(region.rows, tile.rows):
        for columns in partition(region.columns, tile.columns):
            with serial(rows.count) as band, serial(columns.count) as part:
                row, column = rows.start + band * rows.size, columns.start + part * columns.size
                tile_at = replace(region, row=region.row + row, column=region.column + column)
                yield replace(tile_at, rows=rows.size, columns=columns.size), row, column
