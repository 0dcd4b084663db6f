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
of all of them, and a choice of outputs at the end of each tile.

Operands of several bits are stored plane by plane: source `[A * N, Hp, Wp * depth]`, weights `[W * blocks,
KH, KW * depth, ot]`, plane `i` worth `2**i`. The reduction then runs over every pair of planes, the highest
first, and doubles the accumulators wherever the worth halves (Horner's rule); they must start from 0.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

from tvm import tirx

from tvm_schedules.emit import Buffer, Expr, local, parallel, serial, span, splat, store, when
from tvm_schedules.outputs import ChannelBlock, Epilogue, Outputs, Parameter, Pixel, emit_outputs
from tvm_schedules.partition import partition, parts
from tvm_schedules.steps import Step
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
    planes: tuple[int, int] = (1, 1)

    @property
    def block(self) -> int:
        """Output channels of one block of weights."""
        return self.tile.vectors * self.lanes

    @property
    def blocks(self) -> int:
        """Blocks of output channels of one branch."""
        return parts(self.out_channels, self.block)

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
class _TileAt:
    """A register tile somewhere in the output: `rows x columns` pixels from (`row`, `column`)."""

    image: Expr
    branch: Expr
    block: Expr
    row: Expr
    column: Expr
    rows: int
    columns: int

    def pixels(self) -> Iterator[Pixel]:
        for index in range(self.rows * self.columns):
            yield self.image, self.row + index // self.columns, self.column + index % self.columns


@dataclass(frozen=True)
class _Reads:
    """What a step reads: an element of a run of a kernel row."""

    kernel_row: Expr
    run: Expr
    element: Expr


def emit_nest(nest: Nest, step: Step, operands: Operands, epilogue: Epilogue) -> None:
    """Emit the whole convolution into the function that is being built."""
    _Emitter(nest, step, operands, epilogue).emit()


class _Emitter:
    """Writes the nest from the outside in; every method emits the loops of one level."""

    def __init__(self, nest: Nest, step: Step, operands: Operands, epilogue: Epilogue) -> None:
        self.nest = nest
        self.step = step
        self.operands = operands
        self.epilogue = epilogue
        self.ragged = nest.out_channels % nest.block != 0
        self.has_chunks = step.max_steps is not None

    def emit(self) -> None:
        nest = self.nest
        segments = partition(nest.out_height, nest.tile.rows)
        bands = sum(segment.count for segment in segments)
        with parallel(nest.branches * nest.blocks * nest.batch * bands) as index:
            branch = index // (nest.blocks * nest.batch * bands) if nest.branches > 1 else 0
            block = index // (nest.batch * bands) % nest.blocks
            image = index // bands % nest.batch
            band = index % bands
            parameters = self.block_parameters(branch, block)
            for number, segment in enumerate(segments):
                earlier = number * segments[0].count
                with ExitStack() as stack:
                    if len(segments) == 2:
                        stack.enter_context(when(band >= earlier if number else band < segments[0].count))
                    row = segment.start + (band - earlier) * segment.size
                    for columns in partition(nest.out_width, nest.tile.columns):
                        with serial(columns.count) as tile_column:
                            column = columns.start + tile_column * columns.size
                            at = _TileAt(image, branch, block, row, column, segment.size, columns.size)
                            self.tile(at, parameters)

    def block_parameters(self, branch: Expr, block: Expr) -> list[tuple[Buffer, Expr]]:
        """Return (buffer, index of the block's first channel); a ragged last block reads padded copies."""
        first = block * self.nest.block
        start = branch * self.nest.out_channels + first
        if not self.ragged:
            return [(parameter.values, start) for parameter in self.operands.parameters]
        copies: list[tuple[Buffer, Expr]] = []
        for parameter in self.operands.parameters:
            copy = local(self.nest.block, "float32")
            with serial(self.nest.block) as lane:
                store(copy, tirx.const(parameter.filler, "float32"), lane)
                with when(first + lane < self.nest.out_channels):
                    store(copy, parameter.values[start + lane], lane)
            copies.append((copy, 0))
        return copies

    def tile(self, at: _TileAt, parameters: list[tuple[Buffer, Expr]]) -> None:
        nest = self.nest
        self.step.begin(at.rows * at.columns * nest.tile.vectors)
        self.planes(at)
        block = ChannelBlock(at.block, nest.blocks, nest.tile.vectors, nest.lanes, nest.out_channels)
        for branch, outputs in enumerate(self.operands.outputs):
            with ExitStack() as stack:
                if nest.branches > 1:
                    stack.enter_context(when(at.branch == branch))
                emit_outputs(outputs, block, list(at.pixels()), self.finished(at, parameters))

    def finished(self, at: _TileAt, parameters: list[tuple[Buffer, Expr]]) -> Iterator[tuple[int, int, Expr]]:
        """Yield (vector, pixel, value): the factors of a vector serve all its pixels."""
        vectors, lanes = self.nest.tile.vectors, self.nest.lanes
        for vector in range(vectors):
            factors = self.epilogue.prepare(
                [buffer[span(first + vector * lanes, lanes)] for buffer, first in parameters]
            )
            for pixel in range(at.rows * at.columns):
                yield vector, pixel, self.epilogue.finish(self.step.result(pixel * vectors + vector), factors)

    def planes(self, at: _TileAt) -> None:
        """Reduce over every pair of planes; from one pair to the next the worth halves or stays.

        With two planes of weights the pairs are (A-1, 1), (A-1, 0), (A-2, 1), (A-2, 0), ...: every second
        worth is the one before it halved, and the others repeat.
        """
        nest = self.nest
        of_source, of_weights = nest.planes
        if nest.planes == (1, 1):
            self.reduction(at)
            return
        with serial(of_source) as done:
            image = (of_source - 1 - done) * nest.batch + at.image
            for plane in reversed(range(of_weights)):
                if plane == 0:
                    self.step.double()
                self.reduction(replace(at, image=image, block=plane * nest.blocks + at.block))

    def reduction(self, at: _TileAt) -> None:
        """Emit the loops over kernel rows, runs and elements, cut into chunks where the step must widen."""
        runs, length = self.nest.runs
        chunk = _chunk_extents(self.nest, self.step.max_steps)
        for row_part in partition(self.nest.kernel[0], chunk[0]):
            for run_part in partition(runs, chunk[1]):
                for element_part in partition(length, chunk[2]):
                    with (
                        serial(row_part.count) as row_chunk,
                        serial(run_part.count) as run_chunk,
                        serial(element_part.count) as element_chunk,
                    ):
                        first_row = row_part.start + row_chunk * row_part.size
                        first_run = run_part.start + run_chunk * run_part.size
                        element = element_part.start + element_chunk * element_part.size
                        for row, new_row in self.iterations(row_part.size, peel=self.has_chunks):
                            for run, new_run in self.iterations(run_part.size, peel=new_row):
                                reads = _Reads(first_row + row, first_run + run, element)
                                self.run(at, reads, element_part.size, new=new_run)
                        self.step.end_chunk()

    def iterations(self, extent: int, *, peel: bool) -> Iterator[tuple[Expr, bool]]:
        """Loop over `range(extent)`, its first iteration apart if `peel`; yield (index, is it that one)."""
        if peel:
            yield 0, True
            if extent > 1:
                with serial(extent - 1) as index:
                    yield 1 + index, False
        else:
            with serial(extent) as index:
                yield index, False

    def run(self, at: _TileAt, reads: _Reads, elements: int, *, new: bool) -> None:
        """Emit the steps over `elements` consecutive elements, `unroll` or fewer to a loop body."""
        unroll = self.nest.tile.body_steps(elements)
        bodies = elements // unroll
        for body, new_body in self.iterations(bodies, peel=new):
            part = _Reads(reads.kernel_row, reads.run, reads.element + body * unroll)
            self.steps(at, part, unroll, new=new_body)
        if elements % unroll:
            rest = _Reads(reads.kernel_row, reads.run, reads.element + bodies * unroll)
            self.steps(at, rest, elements % unroll, new=False)

    def steps(self, at: _TileAt, reads: _Reads, count: int, *, new: bool) -> None:
        """Emit `count` steps: each broadcasts one element per pixel against every vector of weights.

        Pixels are the outer loop, so that one broadcast at a time is alive beside the weights.
        """
        nest, vectors = self.nest, self.nest.tile.vectors
        weight_block = at.branch * nest.blocks + at.block
        for offset, width, lane in _loads(count, nest.load_width):
            position = reads.run * nest.runs[1] + reads.element + offset + lane
            weights = [
                self.operands.weights[
                    weight_block, reads.kernel_row, position, span(vector * nest.lanes, nest.lanes)
                ]
                for vector in range(vectors)
            ]
            accumulate = self.step.first if new and offset + lane == 0 else self.step.add
            for pixel, place in enumerate(at.pixels()):
                activation = self.activation(place, reads, offset, width, lane)
                for vector in range(vectors):
                    accumulate(pixel * vectors + vector, activation, weights[vector])

    def activation(self, pixel: Pixel, reads: _Reads, offset: int, width: int, lane: int) -> Expr:
        """Broadcast the element that an output pixel needs, out of a load of `width`."""
        nest = self.nest
        image, row, column = pixel
        source_row = row * nest.stride[0] + reads.kernel_row * nest.dilation[0] + nest.offset[0]
        source_column = column * nest.stride[1] + nest.offset[1] + reads.run * nest.dilation[1]
        element = source_column * nest.depth + reads.element + offset
        loaded = self.operands.source[image, source_row, span(element, width)]
        return splat(tirx.Shuffle([loaded], [lane]) if width > 1 else loaded, nest.lanes)


def _chunk_extents(nest: Nest, max_steps: int | None) -> tuple[int, int, int]:
    """Kernel rows, runs and elements that one chunk of at most `max_steps` steps covers."""
    runs, length = nest.runs
    if max_steps is None:
        return nest.kernel[0], runs, length
    if runs * length <= max_steps:
        return min(nest.kernel[0], max_steps // (runs * length)), runs, length
    if length <= max_steps:
        return 1, max_steps // length, length
    return 1, 1, max_steps


def _loads(count: int, widest: int) -> Iterator[tuple[int, int, int]]:
    """Yield (offset of the load, its width, lane) for each of `count` consecutive elements."""
    offset = 0
    while offset < count:
        width = min(widest, 1 << ((count - offset).bit_length() - 1))
        for lane in range(width):
            yield offset, width, lane
        offset += width
