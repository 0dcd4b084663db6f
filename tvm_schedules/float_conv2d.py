"""Float convolution and dense layers, by the same register tiles as the binary convolution.

Layouts   x float32 `[N, H, W, C]` without padding; weights float32 `[ceil(O/ot), KH, KW, C, ot]`; bias
          float32 `[O]`; out float32 `[N, Ho, Wo, O]`. Dense: x `[N, C]`, weights `[ceil(O/ot), 1, 1, C,
          ot]`, out `[N, O]`.
Pixels    x may be a uint8 image; then `zero`, float32 `[W * C]` (`float_source.zero_row`), is subtracted from
          each row: the pixel values that stand for 0. The scale of pixels belongs to the weights.
Padding   zeros, written around a copy of the input inside the kernel (measured: under 1 % of its time).
Dense     a 1x1 convolution over the images of a batch, in blocks of more output channels.
Sums      in float32, in the order kh, kw, c, contracted to fused multiply-adds where the CPU has them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tvm import tirx
from tvm.target import Target

from tvm_schedules.cores import register_file
from tvm_schedules.emit import Expr, PrimFunc, argument, constant, prim_func, reshaped
from tvm_schedules.errors import KernelError
from tvm_schedules.float_source import emit_float_source
from tvm_schedules.geometry import ConvolutionShape, check_weight_axes, name_fields
from tvm_schedules.naming import KernelName
from tvm_schedules.nest import Nest, Operands
from tvm_schedules.outputs import Epilogue, Outputs, Parameter
from tvm_schedules.partition import parts
from tvm_schedules.steps import float_step
from tvm_schedules.targets import instruction_set
from tvm_schedules.tile import REGISTER_FILES, Tile, default_tile, dense_vectors, weight_block
from tvm_schedules.tile_emitter import emit_nest


@dataclass(frozen=True)
class FloatConv2dShape(ConvolutionShape):
    """Geometry of a float convolution; `height` and `width` are those of the unpadded input.

    Raises:
        KernelError: if an extent is not positive or nothing is left to compute.
    """

    @property
    def in_shape(self) -> tuple[int, int, int, int]:
        """Shape of the float32 NHWC input."""
        return self.batch, self.height, self.width, self.in_channels

    def packed_weight_shape(self, target: Target) -> tuple[int, int, int, int, int]:
        """Shape of the float32 weights that `pack_float_weights` makes for `target`."""
        block = weight_block(self.out_channels, register_file(target), binary=False)
        return self.blocked_weight_shape(block)

    def blocked_weight_shape(self, block: int) -> tuple[int, int, int, int, int]:
        """Shape of weights in blocks of `block` output channels."""
        return parts(self.out_channels, block), *self.kernel, self.in_channels, block


def float_conv2d_kernel(
    shape: FloatConv2dShape,
    target: Target,
    *,
    bias: bool,
    relu: bool,
    pixels: bool = False,
    tile: Tile | None = None,
) -> PrimFunc:
    """Build the kernel `(x, [zero,] weights, [bias,] out)`.

    Args:
        shape: the geometry.
        target: what the kernel is for.
        bias: add a bias.
        relu: apply ReLU, last of all.
        pixels: x is a uint8 image, and `zero` is subtracted from its pixels.
        tile: the register tile; by default `default_tile`.

    Raises:
        KernelError: if `tile` does not fit the layout of the packed weights.
    """
    isa = instruction_set(target)
    tile = tile or default_tile(
        shape.out_height, shape.out_width, shape.out_channels, register_file(target), binary=False
    )
    name = KernelName(
        op="float_conv2d",
        types="u8f32f32" if pixels else "f32f32f32",
        layout="nhwc",
        geometry={
            **name_fields(shape),
            "bias": (int(bias),),
            "relu": (int(relu),),
        },
        tile=tile.name_fields(),
        isa=isa,
    )
    packed = shape.packed_weight_shape(target)
    lanes = REGISTER_FILES[isa].lanes
    if tile.vectors * lanes != packed[-1]:
        raise KernelError(
            f"expected a tile of {packed[-1] // lanes} vectors, as the packed weights have; got {tile}; "
            "take one from `candidate_tiles`"
        )
    return _build(shape, name, tile, bias, relu, shape.in_shape, shape.out_shape, pixels=pixels)


def dense_kernel(
    batch: int, in_features: int, out_features: int, target: Target, *, bias: bool, relu: bool
) -> PrimFunc:
    """Build the dense kernel `(x, weights, [bias,] out)`, as a 1x1 convolution over `batch` pixels."""
    isa = instruction_set(target)
    shape = FloatConv2dShape(1, 1, batch, in_features, out_features, kernel=(1, 1))
    registers = register_file(target)
    vectors = dense_vectors(out_features, registers)
    images = min(batch, registers.float.accumulators // vectors)
    tile = Tile(1, images, vectors, registers.float.unroll)
    name = KernelName(
        op="dense",
        types="f32f32f32",
        layout="nc",
        geometry={
            "n": (batch,),
            "c": (in_features,),
            "o": (out_features,),
            "bias": (int(bias),),
            "relu": (int(relu),),
        },
        tile=tile.name_fields(),
        isa=isa,
    )
    return _build(shape, name, tile, bias, relu, (batch, in_features), (batch, out_features))


def _build(
    shape: FloatConv2dShape,
    name: KernelName,
    tile: Tile,
    bias: bool,
    relu: bool,
    in_shape: tuple[int, ...],
    out_shape: tuple[int, ...],
    *,
    pixels: bool = False,
) -> PrimFunc:
    registers = REGISTER_FILES[name.isa]
    packed_weight_shape = shape.blocked_weight_shape(tile.vectors * registers.lanes)
    blocks, kernel_height, kernel_width, depth, block = packed_weight_shape
    nest = Nest(
        batch=shape.batch,
        out_height=shape.out_height,
        out_width=shape.out_width,
        out_channels=shape.out_channels,
        kernel=shape.kernel,
        stride=shape.stride,
        dilation=shape.dilation,
        offset=(0, 0),
        depth=depth,
        lanes=registers.lanes,
        broadcasts_lanes=registers.broadcasts_lanes,
        tile=tile,
    )

    def finish(total: Expr, factors: list[Expr]) -> Expr:
        value = total + factors[0] if bias else total
        return tirx.max(value, constant(0, "float32", registers.lanes)) if relu else value

    with prim_func(str(name), name.op) as built:
        x = argument("x", in_shape, "uint8" if pixels else "float32")
        zero = argument("zero", (shape.width * depth,), "float32") if pixels else None
        weights = argument("weights", packed_weight_shape, "float32")
        parameters = (Parameter(argument("bias", (shape.out_channels,), "float32")),) if bias else ()
        out = argument("out", out_shape, "float32")
        source = reshaped(x, (shape.batch, shape.height, shape.width * depth))
        if pixels or max(shape.padding):
            extents = (shape.batch, shape.height, depth)
            source = emit_float_source(source, extents, shape.padding, registers.lanes, zero)
        operands = Operands(
            source=source,
            weights=reshaped(weights, (blocks, kernel_height, kernel_width * depth, block)),
            parameters=parameters,
            outputs=(Outputs(floats=reshaped(out, shape.out_shape)),),
        )
        emit_nest(nest, float_step(name.isa), operands, Epilogue(lambda factors: factors, finish))
    return built[0]


def pack_float_weights(weight: NDArray[np.floating], target: Target) -> NDArray[np.float32]:
    """Block an OIHW weight for `target`: float32 `[ceil(O/ot), KH, KW, C, ot]`, zeros past the last channel.

    Raises:
        KernelError: if `weight` is not 4-dimensional.
    """
    check_weight_axes(weight.ndim, 4, "OIHW")
    return _blocked(weight, weight_block(weight.shape[0], register_file(target), binary=False))


def _blocked(weight: NDArray[np.floating], block: int) -> NDArray[np.float32]:
    out_channels, in_channels, kernel_height, kernel_width = weight.shape
    blocks = parts(out_channels, block)
    filled = np.zeros((blocks * block, kernel_height, kernel_width, in_channels), np.float32)
    filled[:out_channels] = weight.transpose(0, 2, 3, 1)
    grouped = filled.reshape(blocks, block, kernel_height, kernel_width, in_channels)
    return np.ascontiguousarray(grouped.transpose(0, 2, 3, 4, 1))


def pack_dense_weights(weight: NDArray[np.floating], target: Target) -> NDArray[np.float32]:
    """Block a dense weight `[O, C]` for `target`: float32 `[ceil(O/ot), 1, 1, C, ot]`.

    Raises:
        KernelError: if `weight` is not 2-dimensional.
    """
    check_weight_axes(weight.ndim, 2, "[O, C]")
    registers = register_file(target)
    block = dense_vectors(weight.shape[0], registers) * registers.lanes
    return _blocked(weight[:, :, None, None], block)
