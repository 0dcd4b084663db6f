"""Binary convolution: packed signs times packed signs, and all that follows until the next one's input.

Layouts   words `[N, H + 2*bh, W + 2*bw, Cw]` uint32, channel `c` = bit `c % 32` of word `c // 32`, as
          `pack_kernel` writes them; weights `[ceil(O/ot), KH, KW, Cw, ot]` uint32; residual and out
          `[N, Ho, Wo, O]` float32; packed `[N, Ho + 2*ph, Wo + 2*pw, Ow]` uint32.
Bits      1 is +1, 0 is -1. Bits past the last channel are 0 in words and weights, so they never differ.
Padding   stored in the border of `words` by whoever packed them, so the kernel is the same for +1 and -1.
Range     `dot = n - 2 * popcount(a ^ w)` with `n = KH * KW * C` is exact for every n <= 2**24.
"""

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray
from tvm import tirx
from tvm.target import Target

from tvm_schedules.cores import register_file
from tvm_schedules.emit import Buffer, Expr, PrimFunc, argument, constant, prim_func, reshaped
from tvm_schedules.errors import KernelError
from tvm_schedules.fused_outputs import FusedOutputs
from tvm_schedules.geometry import ConvolutionShape, Pair, check_weight_axes, name_fields
from tvm_schedules.naming import Fields, KernelName
from tvm_schedules.nest import Nest, Operands
from tvm_schedules.outputs import Epilogue, Outputs, Parameter
from tvm_schedules.packing import PackedOutput
from tvm_schedules.partition import parts
from tvm_schedules.steps import Step, binary_step
from tvm_schedules.targets import InstructionSet, instruction_set
from tvm_schedules.tile import Tile, default_tile, weight_block
from tvm_schedules.tile_emitter import emit_nest
from tvm_schedules.words import pack_bits, words

# Of most cores in question: 32 or 64 KB, 256 KB to 1 MB.
_FIRST_CACHE_BYTES = 32 << 10
_SECOND_CACHE_BYTES = 256 << 10


@dataclass(frozen=True)
class BinaryConv2dShape(ConvolutionShape):
    """Geometry of a binary convolution; `height` and `width` are the input's, without its stored border.

    Raises:
        KernelError: if an extent is not positive, the border is narrower than the padding, or nothing is
            left to compute.
    """

    border: Pair = (0, 0)

    def __post_init__(self) -> None:
        """Check the geometry."""
        super().__post_init__()
        if self.border[0] < self.padding[0] or self.border[1] < self.padding[1]:
            raise KernelError(
                f"expected a stored border at least as wide as the padding {self.padding}; "
                f"got {self.border}; pack the input with a wider border"
            )

    @property
    def packed_input_shape(self) -> tuple[int, int, int, int]:
        """Shape of the uint32 words, stored border included."""
        rows, columns = self.height + 2 * self.border[0], self.width + 2 * self.border[1]
        return self.batch, rows, columns, words(self.in_channels)

    def packed_weight_shape(self, target: Target) -> tuple[int, int, int, int, int]:
        """Shape of the uint32 weights that `pack_weights` makes for `target`."""
        block = weight_block(self.out_channels, register_file(target), binary=True)
        return parts(self.out_channels, block), *self.kernel, words(self.in_channels), block


@dataclass(frozen=True)
class BinaryEpilogue:
    """What becomes of the dot products: `y = act(dot) * scale + shift [+ residual]`, rounded in that order.

    Attributes:
        relu: `act` is ReLU rather than the identity.
        residual: add a float32 tensor of the output's shape.
        floats: write `y` as float32.
        packed: write the packed signs of `y` with this border; None: do not.
        in_place: write the floats over the residual, whose memory the first cache holds at that moment.

    Raises:
        KernelError: if nothing is written, or in place of nothing.
    """

    relu: bool
    residual: bool = False
    floats: bool = True
    packed: PackedOutput | None = None
    in_place: bool = False

    def __post_init__(self) -> None:
        """Refuse a kernel without outputs, and floats over a residual where either is missing."""
        if not self.floats and self.packed is None:
            raise KernelError(f"expected floats, packed or both; got {self}; ask for what somebody reads")
        if self.in_place:
            check_in_place(residual=self.residual, floats=self.floats)


def check_in_place(*, residual: bool, floats: bool) -> None:
    """Raise `KernelError` unless there is a residual, and floats to write over it."""
    if not (residual and floats):
        raise KernelError(
            f"expected a residual and floats to write over it; got residual={residual}, floats={floats}; ask "
            "for both, or do not work in place"
        )


def binary_conv2d_kernel(
    shape: BinaryConv2dShape, target: Target, *, relu: bool, tile: Tile | None = None
) -> PrimFunc:
    """Build the kernel `(words, weights, scale, shift, out)`: a fused kernel that writes floats alone."""
    return fused_binary_conv2d_kernel(shape, target, BinaryEpilogue(relu), tile=tile)


def fused_binary_conv2d_kernel(
    shape: BinaryConv2dShape,
    target: Target,
    epilogue: BinaryEpilogue,
    *,
    branches: int = 1,
    tile: Tile | None = None,
) -> PrimFunc:
    """Build the kernel `(words, weights, scale, shift, [residual,] [out x branches,] [packed x branches])`.

    In place, `residual` is `out` too.

    Scale and shift are float32 per output channel. With scale 1, shift 0 and no residual the output holds
    the exact integers. Branches are convolutions that read the same words: their weights (`pack_weights` of
    each), scales and shifts are concatenated on axis 0, the residual is added to each of them, and each has
    outputs of its own.

    Args:
        shape: geometry; `out_channels` is that of one branch.
        target: where the kernel will run; picks the instruction set.
        epilogue: what becomes of the dot products.
        branches: convolutions of the same words.
        tile: register tile; by default a pure function of shape and instruction set.

    Raises:
        KernelError: if `tile` does not fit the layout of the packed weights, or `branches` is below 1.
    """
    isa = instruction_set(target)
    if branches < 1:
        raise KernelError(f"expected branches >= 1; got {branches}; leave it out for a single convolution")
    if branches > 1 and epilogue.in_place:
        raise KernelError(f"expected one branch to write over the residual; got {branches}; write elsewhere")
    if tile is None:
        registers = register_file(target)
        tile = default_tile(shape.out_height, shape.out_width, shape.out_channels, registers, binary=True)
    nest = binary_nest(shape, target, tile, branches)
    name = _name(shape, isa, epilogue, branches, tile)
    with prim_func(str(name), name.op) as built:
        source = argument("words", shape.packed_input_shape, "uint32")
        constants = BinaryConstants(shape, target, branches)
        written = FusedOutputs(shape.out_shape, branches, isa, tile.vectors, epilogue.packed)
        residual = argument("residual", shape.out_shape, "float32") if epilogue.residual else None
        over = [residual] if epilogue.in_place else []
        outputs = written.declare([residual] * branches, floats=epilogue.floats, over=over)
        operands = constants.operands(source, outputs)
        step = count_step(shape, isa, tile)
        emit_nest(nest, step, operands, affine_epilogue(shape.taps, nest.lanes, relu=epilogue.relu))
        written.complete()
    return built[0]


class BinaryConstants:
    """The arguments `weights`, `scale` and `shift` of some branches, concatenated on axis 0."""

    def __init__(self, shape: BinaryConv2dShape, target: Target, branches: int) -> None:
        """Declare them in the function that is being built."""
        blocks, *within = shape.packed_weight_shape(target)
        channels = (branches * shape.out_channels,)
        self.shape = shape
        self.weights = argument("weights", (branches * blocks, *within), "uint32")
        self.scale = argument("scale", channels, "float32")
        self.shift = argument("shift", channels, "float32")

    def operands(self, source: Buffer, outputs: tuple[Outputs, ...]) -> Operands:
        """Return what the nest reads and writes, given the argument with the words of the input."""
        batch, rows, columns, depth = self.shape.packed_input_shape
        blocks, kernel_height, kernel_width, _, block = self.weights.shape
        return Operands(
            source=reshaped(source, (batch, rows, columns * depth)),
            weights=reshaped(self.weights, (blocks, kernel_height, kernel_width * depth, block)),
            # Past the last channel the result is -1, whose sign packs to the 0 that filler bits hold.
            parameters=(Parameter(self.scale, filler=0), Parameter(self.shift, filler=-1)),
            outputs=outputs,
        )


def binary_nest(shape: BinaryConv2dShape, target: Target, tile: Tile, branches: int = 1) -> Nest:
    """Loops of the convolution; refuses a tile that does not fit the packed weights."""
    registers = register_file(target)
    *_, depth, block = shape.packed_weight_shape(target)
    if tile.vectors * registers.lanes != block:
        raise KernelError(
            f"expected a tile of {block // registers.lanes} vectors, as the packed weights have; got {tile}; "
            "take one from `candidate_tiles`"
        )
    return Nest(
        batch=shape.batch,
        out_height=shape.out_height,
        out_width=shape.out_width,
        out_channels=shape.out_channels,
        kernel=shape.kernel,
        stride=shape.stride,
        dilation=shape.dilation,
        offset=(shape.border[0] - shape.padding[0], shape.border[1] - shape.padding[1]),
        depth=depth,
        lanes=registers.lanes,
        broadcasts_lanes=registers.broadcasts_lanes,
        tile=tile,
        branches=branches,
        rows_first=rows_first(shape, branches),
    )


def rows_first(shape: BinaryConv2dShape, branches: int) -> bool:
    """Whether all blocks of channels of a band of rows are computed before the next band.

    Each line of the residual and the output is then touched in one go, which matters where they are larger
    than the caches; but all weights are read for each band, so they must fit the first cache.
    """
    taps = shape.kernel[0] * shape.kernel[1] * words(shape.in_channels)
    weight_bytes, out_bytes = 4 * branches * shape.out_channels * taps, 4 * prod(shape.out_shape)
    return weight_bytes <= _FIRST_CACHE_BYTES and branches * out_bytes > _SECOND_CACHE_BYTES


def binary_name_fields(shape: BinaryConv2dShape) -> Fields:
    """Return the geometry of a kernel's name, stored border included."""
    return {**name_fields(shape), "b": shape.border}


def _name(
    shape: BinaryConv2dShape, isa: InstructionSet, epilogue: BinaryEpilogue, branches: int, tile: Tile
) -> KernelName:
    packed = epilogue.packed
    return KernelName(
        op="binary_conv2d",
        types="b1b1" + "f32" * epilogue.floats + "b1" * (packed is not None),
        layout="nhwc",
        geometry={
            **binary_name_fields(shape),
            "relu": (int(epilogue.relu),),
            "add": (int(epilogue.residual) + int(epilogue.in_place),),
            "m": (branches,),
            **(packed.name_fields() if packed else {}),
        },
        tile=tile.name_fields(),
        isa=isa,
    )


def count_step(shape: BinaryConv2dShape, isa: InstructionSet, tile: Tile) -> Step:
    """Return the step that counts differing positions as `affine_epilogue` takes them: from `-(n // 2)`."""
    totals = range(-(shape.taps // 2), shape.taps - shape.taps // 2 + 1)
    return binary_step(isa, tile.counter, totals)


def affine_epilogue(taps: int, lanes: int, *, relu: bool) -> Epilogue:
    """Turn a count of differing positions into `act(dot) * scale + shift` with three instructions.

    The count starts at `-(n // 2)`, so that it ends at `a = popcount - n // 2` and `dot = odd - 2 a`, `odd
    = n % 2`. As `relu(dot) = odd - 2 min(a, odd / 2)`, the factors `-2 scale` and `shift + odd * scale` are
    all that is left to apply. Doubling is exact in floating point, so for even n nothing is rounded that
    the plain formula would not.
    """
    odd = taps % 2

    def prepare(parameters: list[Expr]) -> list[Expr]:
        scale, shift = parameters
        return [constant(-2, "float32", lanes) * scale, shift + scale if odd else shift]

    def finish(count: Expr, factors: list[Expr]) -> Expr:
        value = count.astype(f"float32x{lanes}")
        if relu:
            value = tirx.min(value, constant(odd / 2, "float32", lanes))
        return value * factors[0] + factors[1]

    return Epilogue(prepare, finish)


def binary_dense_kernel(
    batch: int, in_features: int, out_features: int, target: Target, *, relu: bool
) -> PrimFunc:
    """Build a binary matrix product as the 1x1 convolution over a row of `batch` pixels.

    The kernel takes words `[1, 1, N, Cw]` and gives out `[1, 1, N, O]`: the memory of `[N, Cw]` and `[N, O]`.
    """
    shape = BinaryConv2dShape(1, 1, batch, in_features, out_features, kernel=(1, 1))
    return binary_conv2d_kernel(shape, target, relu=relu)


def pack_weights(weight: NDArray[np.floating], target: Target) -> NDArray[np.uint32]:
    """Pack the signs of an OIHW weight for `target`: uint32 `[ceil(O/ot), KH, KW, Cw, ot]`.

    `weight >= 0` is bit 1. Bits past the last input channel and lanes past the last output channel are 0.

    Raises:
        KernelError: if `weight` is not 4-dimensional.
    """
    check_weight_axes(weight.ndim, 4, "OIHW")
    out_channels, in_channels, kernel_height, kernel_width = weight.shape
    block = weight_block(out_channels, register_file(target), binary=True)
    blocks, depth = parts(out_channels, block), words(in_channels)
    bits = np.zeros((blocks * block, kernel_height, kernel_width, in_channels), np.bool_)
    bits[:out_channels] = weight.transpose(0, 2, 3, 1) >= 0
    grouped = pack_bits(bits).reshape(blocks, block, kernel_height, kernel_width, depth)
    return np.ascontiguousarray(grouped.transpose(0, 2, 3, 4, 1))
