"""Binary convolution: packed signs times packed signs, with a per-channel affine epilogue.

Layouts   words `[N, H + 2*bh, W + 2*bw, Cw]` uint32, channel `c` = bit `c % 32` of word `c // 32`, as
          `pack_kernel` writes them; weights `[ceil(O/ot), KH, KW, Cw, ot]` uint32; out `[N, Ho, Wo, O]`
          float32.
Bits      1 is +1, 0 is -1. Bits past the last channel are 0 in words and weights, so they never differ.
Padding   stored in the border of `words` by whoever packed them, so the kernel is the same for +1 and -1.
Range     `dot = n - 2 * popcount(a ^ w)` with `n = KH * KW * C` is exact for every n <= 2**24.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tvm import tirx
from tvm.target import Target

from tvm_schedules.emit import Expr, PrimFunc, argument, constant, prim_func, reshaped
from tvm_schedules.errors import KernelError
from tvm_schedules.geometry import Pair, check_convolution, check_weight_axes, out_extent
from tvm_schedules.naming import KernelName
from tvm_schedules.nest import Epilogue, Nest, Operands, emit_nest
from tvm_schedules.partition import parts
from tvm_schedules.steps import binary_step
from tvm_schedules.targets import instruction_set
from tvm_schedules.tile import REGISTER_FILES, Tile, default_tile, weight_block
from tvm_schedules.words import WORD_BITS, words


@dataclass(frozen=True)
class BinaryConv2dShape:
    """Geometry of a binary convolution; `height` and `width` are the input's, without its stored border.

    Raises:
        KernelError: if an extent is not positive, the border is narrower than the padding, or nothing is
            left to compute.
    """

    batch: int
    height: int
    width: int
    in_channels: int
    out_channels: int
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    border: Pair = (0, 0)

    def __post_init__(self) -> None:
        """Check the geometry."""
        check_convolution(self)
        if self.border[0] < self.padding[0] or self.border[1] < self.padding[1]:
            raise KernelError(
                f"expected a stored border at least as wide as the padding {self.padding}; "
                f"got {self.border}; pack the input with a wider border"
            )

    @property
    def out_height(self) -> int:
        """Rows of the output."""
        return out_extent(self.height, self.kernel[0], self.stride[0], self.padding[0], self.dilation[0])

    @property
    def out_width(self) -> int:
        """Columns of the output."""
        return out_extent(self.width, self.kernel[1], self.stride[1], self.padding[1], self.dilation[1])

    @property
    def out_shape(self) -> tuple[int, int, int, int]:
        """Shape of the float32 NHWC output."""
        return self.batch, self.out_height, self.out_width, self.out_channels

    @property
    def taps(self) -> int:
        """`n`: products summed into one output, `KH * KW * C`."""
        return self.kernel[0] * self.kernel[1] * self.in_channels

    @property
    def macs(self) -> int:
        """Binary multiply-accumulates of the whole convolution."""
        return self.batch * self.out_height * self.out_width * self.out_channels * self.taps

    @property
    def packed_input_shape(self) -> tuple[int, int, int, int]:
        """Shape of the uint32 words, stored border included."""
        rows, columns = self.height + 2 * self.border[0], self.width + 2 * self.border[1]
        return self.batch, rows, columns, words(self.in_channels)

    def packed_weight_shape(self, target: Target) -> tuple[int, int, int, int, int]:
        """Shape of the uint32 weights that `pack_weights` makes for `target`."""
        block = weight_block(self.out_channels, instruction_set(target), binary=True)
        return parts(self.out_channels, block), *self.kernel, words(self.in_channels), block


def binary_conv2d_kernel(
    shape: BinaryConv2dShape, target: Target, *, relu: bool, tile: Tile | None = None
) -> PrimFunc:
    """Build the kernel `(words, weights, scale, shift, out)`.

    `out = act(dot) * scale + shift` per output channel, `act` = ReLU if `relu` else identity; scale and
    shift are float32 `[O]`. With scale 1 and shift 0 the output holds the exact integers.

    Args:
        shape: geometry.
        target: where the kernel will run; picks the instruction set.
        relu: clip the dot product at zero before the affine.
        tile: register tile; by default a pure function of shape and instruction set.

    Raises:
        KernelError: if `tile` does not fit the layout of the packed weights.
    """
    isa = instruction_set(target)
    registers = REGISTER_FILES[isa]
    packed_weight_shape = shape.packed_weight_shape(target)
    blocks, kernel_height, kernel_width, depth, block = packed_weight_shape
    if tile is None:
        tile = default_tile(shape.out_height, shape.out_width, shape.out_channels, isa, binary=True)
    if tile.vectors * registers.lanes != block:
        raise KernelError(
            f"expected a tile of {block // registers.lanes} vectors, as the packed weights have; got {tile}; "
            "take one from `candidate_tiles`"
        )
    nest = Nest(
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
    )

    name = KernelName(
        op="binary_conv2d",
        types="b1b1f32",
        layout="nhwc",
        geometry={
            "n": (shape.batch,),
            "h": (shape.height,),
            "w": (shape.width,),
            "c": (shape.in_channels,),
            "o": (shape.out_channels,),
            "k": shape.kernel,
            "s": shape.stride,
            "p": shape.padding,
            "d": shape.dilation,
            "b": shape.border,
            "relu": (int(relu),),
        },
        tile={"t": (tile.rows, tile.columns), "v": (tile.vectors,), "u": (tile.unroll,)},
        isa=isa,
    )
    with prim_func(str(name), name.op) as built:
        source = argument("words", shape.packed_input_shape, "uint32")
        weights = argument("weights", packed_weight_shape, "uint32")
        scale = argument("scale", (shape.out_channels,), "float32")
        shift = argument("shift", (shape.out_channels,), "float32")
        out = argument("out", shape.out_shape, "float32")
        batch, rows, columns, _ = shape.packed_input_shape
        operands = Operands(
            source=reshaped(source, (batch, rows, columns * depth)),
            weights=reshaped(weights, (blocks, kernel_height, kernel_width * depth, block)),
            parameters=(scale, shift),
            out=out,
        )
        step = binary_step(isa, start=-(shape.taps // 2))
        emit_nest(nest, step, operands, _affine_epilogue(shape.taps, registers.lanes, relu=relu))
    return built[0]


def _affine_epilogue(taps: int, lanes: int, *, relu: bool) -> Epilogue:
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
    block = weight_block(out_channels, instruction_set(target), binary=True)
    blocks, depth = parts(out_channels, block), words(in_channels)
    bits = np.zeros((blocks * block, kernel_height, kernel_width, depth * WORD_BITS), np.bool_)
    bits[:out_channels, :, :, :in_channels] = weight.transpose(0, 2, 3, 1) >= 0
    packed = np.packbits(bits, axis=-1, bitorder="little").view("<u4").astype(np.uint32)
    grouped = packed.reshape(blocks, block, kernel_height, kernel_width, depth)
    return np.ascontiguousarray(grouped.transpose(0, 2, 3, 4, 1))
