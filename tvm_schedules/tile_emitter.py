"""One register tile of a convolution: the loops of its reduction, and what becomes of its sums.

accumulators = 0                                 rows x columns x vectors, in registers
for kh, for run, for step in run                 a run: consecutive elements of one input row
broadcast one activation per pixel, load one weight vector per group, step
outputs from the registers (`outputs`)
"""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

from tvm import tirx

from tvm_schedules.emit import Buffer, Expr, local, serial, span, splat, store, when
from tvm_schedules.nest import Nest, Operands, Region, emit_regions
from tvm_schedules.outputs import Epilogue, Pixel, emit_outputs
from tvm_schedules.partition import partition
from tvm_schedules.steps import Step

BlockParameters = list[tuple[Buffer, Expr]]
"""Of each parameter the buffer, and the index of a block's first channel in it."""


@dataclass(frozen=True)
class _Reads:
    """What a step reads: an element of a run of a kernel row."""

    kernel_row: Expr
    run: Expr
    element: Expr


def emit_nest(nest: Nest, step: Step, operands: Operands, epilogue: Epilogue) -> None:
    """Emit the whole convolution into the function that is being built."""
    emitter = TileEmitter(nest, step, operands, epilogue)
    emit_regions(nest, (nest.tile.rows, nest.tile.columns), emitter.block_parameters, emitter.tile)


class TileEmitter:
    """Writes one tile from the outside in; every method emits the loops of one level."""

    def __init__(self, nest: Nest, step: Step, operands: Operands, epilogue: Epilogue) -> None:
        """Take what shapes the tile, what it reads and what becomes of its sums."""
        self.nest = nest
        self.step = step
        self.operands = operands
        self.epilogue = epilogue
        self.ragged = nest.out_channels % nest.block != 0
        self.has_chunks = step.max_steps is not None

    def block_parameters(self, branch: Expr, block: Expr) -> BlockParameters:
        """Return (buffer, index of the block's first channel); a ragged last block reads padded copies."""
        first = block * self.nest.block
        start = branch * self.nest.out_channels + first
        if not self.ragged:
            return [(parameter.values, start) for parameter in self.operands.parameters]
        copies: BlockParameters = []
        for parameter in self.operands.parameters:
            copy = local(self.nest.block, "float32")
            with serial(self.nest.block) as lane:
                store(copy, tirx.const(parameter.filler, "float32"), lane)
                with when(first + lane < self.nest.out_channels):
                    store(copy, parameter.values[start + lane], lane)
            copies.append((copy, 0))
        return copies

    def tile(self, at: Region, parameters: BlockParameters) -> None:
        """Emit the sums of a tile and what is written of them."""
        self.sums(at)
        for branch, outputs in enumerate(self.operands.outputs):
            with ExitStack() as stack:
                if self.nest.branches > 1:
                    stack.enter_context(when(at.branch == branch))
                values = self.finished(at, parameters)
                finished = ((vector, pixel, [value]) for vector, pixel, value in values)
                emit_outputs([outputs], self.nest.channels(at.block), list(at.pixels()), finished)

    def sums(self, at: Region) -> None:
        """Emit the whole reduction of a tile; the step holds its results."""
        self.step.begin(at.rows * at.columns * self.nest.tile.vectors)
        self.planes(at)

    def finished(self, at: Region, parameters: BlockParameters) -> Iterator[tuple[int, int, Expr]]:
        """Yield (vector, pixel, value): the factors of a vector serve all its pixels."""
        vectors, lanes = self.nest.tile.vectors, self.nest.lanes
        for vector in range(vectors):
            factors = self.epilogue.prepare(
                [buffer[span(first + vector * lanes, lanes)] for buffer, first in parameters]
            )
            for pixel in range(at.rows * at.columns):
                yield vector, pixel, self.epilogue.finish(self.step.result(pixel * vectors + vector), factors)

    def planes(self, at: Region) -> None:
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

    def reduction(self, at: Region) -> None:
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

    def run(self, at: Region, reads: _Reads, elements: int, *, new: bool) -> None:
        """Emit the steps over `elements` consecutive elements, `unroll` or fewer to a loop body."""
        unroll = self.nest.tile.body_steps(elements)
        bodies = elements // unroll
        for body, new_body in self.iterations(bodies, peel=new):
            part = _Reads(reads.kernel_row, reads.run, reads.element + body * unroll)
            self.steps(at, part, unroll, new=new_body)
        if elements % unroll:
            rest = _Reads(reads.kernel_row, reads.run, reads.element + bodies * unroll)
            self.steps(at, rest, elements % unroll, new=False)

    def steps(self, at: Region, reads: _Reads, count: int, *, new: bool) -> None:
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
