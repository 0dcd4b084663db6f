"""Convolution of uint8 pixels with float weights, by dot products of bytes.

Layouts   x uint8 `[N, H, W, C]` without padding; weights int8 `[ceil(O/ot), ceil(KH*KW*C / 4), 3, ot, 4]`,
          the digits of each weight, the highest first, four taps to a lane in the order kh, kw, c; scale
          float32 `[ceil(O/ot) * ot]`; offsets float32 `[cases of rows, cases of columns, ceil(O/ot) * ot]`,
          bias included (`pixel_weights`); out float32 `[N, Ho, Wo, O]`.
Padding   as of a normalised image: the pixel values that stand for 0, which need be no integers (offsets).
Sums      one for each digit, and the upper two of them together, in int32 without overflow (`MOST_TAPS`);
          then `(float(256 * a2 + a1) * 256 + float(a0)) * scale + offset`, three roundings. Weights are off
          by at most 1.004 * 2**-24 of their channel's largest. For stems, both together are less than what a
          float32 kernel rounds (docs/kernels.md).
Source    copied twice: between its border, then byte by byte for each output of a row of tiles
          (`pixel_source`), so that the reduction is one run of words, whatever the kernel's extents.

VNNI's vpdpbusd and NEON's sdot do four products a lane where a multiply-add does one, and three digits take
three of them: 111 instructions for the 147 multiply-adds of a stem of 7x7x3. To multiply by short digits on
integer units is Ozaki's scheme for matrix products (Ootomo, Ozaki, Yokota, "DGEMM on integer matrix
multiplication unit", 2024); here one operand, the pixels, is a single digit already.
"""

from collections.abc import Iterator
from dataclasses import replace

from tvm import tirx
from tvm.target import Target

from tvm_schedules.emit import (
    Buffer,
    Expr,
    PrimFunc,
    argument,
    constant,
    prim_func,
    reshaped,
    serial,
    span,
    viewed,
)
from tvm_schedules.errors import KernelError
from tvm_schedules.geometry import Pair, name_fields
from tvm_schedules.naming import KernelName
from tvm_schedules.nest import Nest, Operands, Region, emit_regions, tiles_of
from tvm_schedules.outputs import Epilogue, Outputs, emit_outputs
from tvm_schedules.partition import parts
from tvm_schedules.pixel_source import PixelSource
from tvm_schedules.pixel_weights import (
    DIGITS,
    GROUP,
    MOST_TAPS,
    PixelConv2dShape,
    needed_registers,
    pixel_registers,
    pixel_weight_block,
)
from tvm_schedules.steps import ByteDot
from tvm_schedules.targets import instruction_set
from tvm_schedules.tile import Tile, default_tile
from tvm_schedules.tile_emitter import TileEmitter

# Words of a region's outputs, which the first cache should hold beside a block's weights.
_GATHERED_BYTES = 20 << 10

# Measured on a Zen 4: the stem's copies take 1.9 cycles each.
_STEPS_OF_A_COPY = 2


def pixel_kernel_pays(shape: PixelConv2dShape, target: Target) -> bool:
    """Whether a target multiplies bytes, exactly for this shape, and sooner than `float_conv2d` is done.

    For each output, every vector of channels takes a step for each digit of each group of taps, where
    multiply-adds take one for each tap; gathering its bytes takes as long as two steps a run.
    """
    registers = pixel_registers(target)
    if registers is None or shape.taps > MOST_TAPS:
        return False
    vectors, runs = parts(shape.out_channels, registers.lanes), shape.runs[0] * shape.kernel[0]
    return DIGITS * shape.groups * vectors + _STEPS_OF_A_COPY * runs < shape.taps * vectors


def pixel_conv2d_kernel(
    shape: PixelConv2dShape, target: Target, *, relu: bool, tile: Tile | None = None
) -> PrimFunc:
    """Build the kernel `(x, weights, scale, offsets, out)`.

    Args:
        shape: the geometry.
        target: what the kernel is for.
        relu: apply ReLU, last of all.
        tile: the register tile; by default `default_tile` of `pixel_registers`.

    Raises:
        KernelError: if the target multiplies no bytes, there are more taps than sums hold, or `tile` does
            not fit the layout of the packed weights.
    """
    registers = needed_registers(target)
    if shape.taps > MOST_TAPS:
        raise KernelError(
            f"expected at most {MOST_TAPS} taps, whose sums int32 holds; got {shape.taps}; "
            "take `float_conv2d`"
        )
    isa = instruction_set(target)
    tile = tile or default_tile(
        shape.out_height, shape.out_width, shape.out_channels, registers, binary=False
    )
    block = pixel_weight_block(shape.out_channels, target)
    if tile.vectors * registers.lanes != block:
        raise KernelError(
            f"expected a tile of {block // registers.lanes} vectors, as the packed weights have; got {tile}; "
            "take one from `candidate_tiles`"
        )
    name = KernelName(
        op="pixel_conv2d",
        types="u8i8f32",
        layout="nhwc",
        geometry={**name_fields(shape), "relu": (int(relu),)},
        tile=tile.name_fields(),
        isa=isa,
    )
    channels = parts(shape.out_channels, block) * block
    cases = tuple(len(axis.positions) for axis in shape.cases)
    with prim_func(str(name), name.op) as built:
        x = argument("x", shape.in_shape, "uint8")
        digits = (channels // block, shape.groups, DIGITS, block, GROUP)
        weights = argument("weights", digits, "int8")
        scale = argument("scale", (channels,), "float32")
        offsets = argument("offsets", (*cases, channels), "float32")
        out = argument("out", shape.out_shape, "float32")
        step = ByteDot(isa)
        image = reshaped(x, (shape.batch, shape.height, shape.width * shape.in_channels))
        source = PixelSource(image, shape, GROUP * registers.lanes, signed=step.signs_pixels)
        words = viewed(weights, (channels // block, 1, shape.groups, DIGITS * block), "int32")
        nest = _nest(shape, tile, registers.lanes, registers.broadcasts_lanes)
        _PixelTiles(shape, nest, step, source, words, scale, offsets, out, relu=relu).emit()
    return built[0]


def _nest(shape: PixelConv2dShape, tile: Tile, lanes: int, broadcasts_lanes: bool) -> Nest:
    """A 1x1 convolution of the words of each output."""
    return Nest(
        batch=shape.batch,
        out_height=shape.out_height,
        out_width=shape.out_width,
        out_channels=shape.out_channels,
        kernel=(1, 1),
        stride=(1, 1),
        dilation=(1, 1),
        offset=(0, 0),
        depth=shape.groups,
        lanes=lanes,
        broadcasts_lanes=broadcasts_lanes,
        tile=tile,
    )


class _PixelTiles:
    """Emits the regions: words of a row of tiles, then for each block of channels the tiles."""

    def __init__(
        self,
        shape: PixelConv2dShape,
        nest: Nest,
        step: ByteDot,
        source: PixelSource,
        weights: Buffer,
        scale: Buffer,
        offsets: Buffer,
        out: Buffer,
        *,
        relu: bool,
    ) -> None:
        self.shape = shape
        self.nest = nest
        self.step = step
        self.source = source
        self.weights = weights
        self.scale = scale
        self.offsets = offsets
        self.out = out
        self.relu = relu

    def emit(self) -> None:
        """Emit the loops over regions, parallel over bands of rows."""
        limit = self._limit()
        # Regions are of all channels: the words that are gathered once serve every block.
        places = replace(self.nest, out_channels=1)
        emit_regions(places, limit, lambda *_: self.source.gathered(*limit), self._region)

    def _limit(self) -> Pair:
        """Rows and columns of a region: one row of tiles, as long as the cache has room."""
        tile = self.nest.tile
        bytes_of_column = tile.rows * self.nest.depth * GROUP
        tiles = max(1, _GATHERED_BYTES // (bytes_of_column * tile.columns))
        return tile.rows, min(self.nest.out_width, tiles * tile.columns)

    def _region(self, region: Region, gathered: Buffer) -> None:
        self.source.gather(region, gathered)
        words = viewed(gathered, (1, region.rows, region.columns * self.nest.depth), "int32")
        tile = self.nest.tile
        digits = replace(self.nest, tile=replace(tile, vectors=DIGITS * tile.vectors))
        operands = Operands(source=words, weights=self.weights, parameters=(), outputs=())
        emitter = TileEmitter(digits, self.step, operands, Epilogue(lambda _: [], lambda total, _: total))
        with serial(self.nest.blocks) as block:
            for at, row, column in tiles_of(replace(region, block=block), tile):
                emitter.sums(replace(at, image=0, row=row, column=column))
                values = ((vector, pixel, [value]) for vector, pixel, value in self._finished(at))
                channels = self.nest.channels(block)
                emit_outputs([Outputs(floats=self.out)], channels, list(at.pixels()), values)

    def _finished(self, at: Region) -> Iterator[tuple[int, int, Expr]]:
        """Yield (vector, pixel, value) of a tile's sums."""
        lanes, vectors = self.nest.lanes, self.nest.tile.vectors
        rows, columns = self.shape.cases
        for vector in range(vectors):
            first = (at.block * vectors + vector) * lanes
            scale = self.scale[span(first, lanes)]
            for pixel, (_, row, column) in enumerate(at.pixels()):
                high, middle, low = (self._digit(pixel, digit, vector) for digit in range(DIGITS))
                total = self._floats(high * constant(256, "int32", lanes) + middle)
                total = total * constant(256, "float32", lanes) + self._floats(low)
                value = total * scale + self.offsets[rows.of(row), columns.of(column), span(first, lanes)]
                yield vector, pixel, tirx.max(value, constant(0, "float32", lanes)) if self.relu else value

    def _digit(self, pixel: int, digit: int, vector: int) -> Expr:
        """The sums of one digit, int32."""
        vectors = self.nest.tile.vectors
        return self.step.result((pixel * DIGITS + digit) * vectors + vector)

    def _floats(self, numbers: Expr) -> Expr:
        return numbers.astype(f"float32x{self.nest.lanes}")
