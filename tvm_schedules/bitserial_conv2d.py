"""Bitserial convolution: activations of 1 to 4 bits, weights of 1 or 2, plane by plane on packed bits.

Layouts   planes `[A * N, H + 2*bh, W + 2*bw, Cw]` uint32, first all of plane 0, plane `i` worth `2**i`, each
          packed like signs, as `pack_planes_kernel` writes them; weights `[Wb, ceil(O/ot), KH, KW, Cw, ot]`
          uint32; out `[N, Ho, Wo, O]` float32.
Values    activations are unipolar, `a = sum_i 2**i a_i` with bits `a_i` of 0 and 1; weights are bipolar, `w =
          sum_j 2**j (2 w_j - 1)`, that is +-1 or +-1, +-3, or unipolar, `w = sum_j 2**j w_j`.
Products  bipolar: `dot = offset - sum_ij 2**(i+j) popcount(a_i ^ w_j)`; unipolar: `dot = sum_ij 2**(i+j)
          popcount(a_i & w_j)`. Bits past the last channel are 0 on both sides, and count in neither.
Padding   any level; stored in the border of `planes` by whoever packed them. Level 0 is the padding with
          zeros of binary networks on activations of 0 and 1.
Range     exact while no dot product can leave +-2**24; a shape beyond that is refused.

TOPI's `bitserial_conv2d_nhwc` names its modes by the activations: what it calls `unipolar=True` are our
bipolar weights (`popcount(a & w) - popcount(a & ~w)`), `unipolar=False` our unipolar ones. As `popcount(a &
w) - popcount(a & ~w) = popcount(w) - popcount(a ^ w)`, a bipolar product costs no more than a binary one: the
popcounts of the weights add up to one constant for each output channel, the `offset`.
"""

import operator
from dataclasses import dataclass, field

from tvm import tirx
from tvm.target import Target

from tvm_schedules.binary_conv2d import BinaryConv2dShape
from tvm_schedules.bitplanes import check_activation_bits
from tvm_schedules.cores import register_file
from tvm_schedules.emit import Expr, PrimFunc, argument, constant, prim_func, reshaped
from tvm_schedules.errors import KernelError
from tvm_schedules.geometry import name_fields
from tvm_schedules.naming import KernelName
from tvm_schedules.nest import Nest, Operands
from tvm_schedules.outputs import Epilogue, Outputs, Parameter
from tvm_schedules.steps import binary_step
from tvm_schedules.targets import InstructionSet, instruction_set
from tvm_schedules.tile import Tile, default_tile
from tvm_schedules.tile_emitter import emit_nest

WEIGHT_BITS = (1, 2)

# Beyond this integers have no exact float32.
EXACT = 1 << 24


@dataclass(frozen=True)
class BitserialConv2dShape(BinaryConv2dShape):
    """Geometry of a binary convolution, and the bits of its operands; the packed shapes are one plane's.

    Attributes:
        activation_bits: 1 to 4.
        weight_bits: 1 or 2.
        bipolar_weights: bits of weights mean -1 and +1 rather than 0 and 1.

    Raises:
        KernelError: if the geometry or a number of bits is out of range, or results could be inexact.
    """

    activation_bits: int = field(kw_only=True)
    weight_bits: int = field(kw_only=True)
    bipolar_weights: bool = field(kw_only=True)

    def __post_init__(self) -> None:
        """Check geometry, bits and range."""
        super().__post_init__()
        check_activation_bits(self.activation_bits)
        _check_weight_bits(self.weight_bits)
        if self.largest > EXACT:
            raise KernelError(
                f"expected dot products up to 2**24; got {self}, of up to {self.largest}; split its channels"
            )

    @property
    def planes_shape(self) -> tuple[int, int, int, int]:
        """Shape of the uint32 planes, stored border included."""
        batch, rows, columns, depth = self.packed_input_shape
        return self.activation_bits * batch, rows, columns, depth

    def weight_planes_shape(self, target: Target) -> tuple[int, int, int, int, int, int]:
        """Shape of the uint32 weights that `pack_bitserial_weights` makes for `target`."""
        return self.weight_bits, *self.packed_weight_shape(target)

    @property
    def largest(self) -> int:
        """What the sum over all planes comes to where every bit is counted."""
        return ((1 << self.activation_bits) - 1) * ((1 << self.weight_bits) - 1) * self.taps

    @property
    def plane_macs(self) -> int:
        """Binary multiply-accumulates of the whole convolution, over all pairs of planes."""
        return self.activation_bits * self.weight_bits * self.macs


def bitserial_conv2d_kernel(
    shape: BitserialConv2dShape, target: Target, *, relu: bool, tile: Tile | None = None
) -> PrimFunc:
    """Build the kernel `(planes, weights, [offset,] scale, shift, out)`: `out = act(dot) * scale + shift`.

    Offset (`weight_offsets`; with bipolar weights alone), scale and shift are float32 per output channel.
    With scale 1 and shift 0 the output holds the exact integers.

    Args:
        shape: geometry and bits.
        target: where the kernel will run; picks the instruction set.
        relu: `act` is ReLU rather than the identity; dot products of unipolar weights are never negative.
        tile: register tile; by default a pure function of shape and instruction set.

    Raises:
        KernelError: if `tile` does not fit the layout of the packed weights.
    """
    isa = instruction_set(target)
    registers = register_file(target)
    if tile is None:
        tile = default_tile(shape.out_height, shape.out_width, shape.out_channels, registers, binary=True)
    weight_planes, blocks, *kernel, depth, block = shape.weight_planes_shape(target)
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
        planes=(shape.activation_bits, shape.weight_bits),
    )
    name = _name(shape, isa, tile, relu=relu)
    with prim_func(str(name), name.op) as built:
        planes = argument("planes", shape.planes_shape, "uint32")
        weights = argument("weights", shape.weight_planes_shape(target), "uint32")
        keys = ("offset", "scale", "shift") if shape.bipolar_weights else ("scale", "shift")
        parameters = tuple(Parameter(argument(key, (shape.out_channels,), "float32")) for key in keys)
        out = argument("out", shape.out_shape, "float32")
        planes_and_batch, rows, columns, _ = shape.planes_shape
        operands = Operands(
            source=reshaped(planes, (planes_and_batch, rows, columns * depth)),
            weights=reshaped(weights, (weight_planes * blocks, kernel[0], kernel[1] * depth, block)),
            parameters=parameters,
            outputs=(Outputs(out),),
        )
        product = operator.xor if shape.bipolar_weights else operator.and_
        step = binary_step(isa, tile.counter, range(shape.largest + 1), product)
        emit_nest(nest, step, operands, _epilogue(shape, nest.lanes, relu=relu))
    return built[0]


def _epilogue(shape: BitserialConv2dShape, lanes: int, *, relu: bool) -> Epilogue:
    """Turn the sum of popcounts into `act(dot) * scale + shift`, with every dot product an exact float."""

    def finish(total: Expr, factors: list[Expr]) -> Expr:
        *offset, scale, shift = factors
        dot = total.astype(f"float32x{lanes}")
        if offset:
            dot = offset[0] - dot
        if relu and shape.bipolar_weights:
            dot = tirx.max(dot, constant(0, "float32", lanes))
        return dot * scale + shift

    return Epilogue(lambda parameters: parameters, finish)


def _name(shape: BitserialConv2dShape, isa: InstructionSet, tile: Tile, *, relu: bool) -> KernelName:
    polarity = "b" if shape.bipolar_weights else "u"
    return KernelName(
        op="bitserial_conv2d",
        types=f"u{shape.activation_bits}{polarity}{shape.weight_bits}f32",
        layout="nhwc",
        geometry={
            **name_fields(shape),
            "b": shape.border,
            "relu": (int(relu),),
        },
        tile=tile.name_fields(),
        isa=isa,
    )


def _check_weight_bits(bits: int) -> None:
    if bits not in WEIGHT_BITS:
        raise KernelError(f"expected weights of 1 or 2 bits; got {bits}; take int8 kernels beyond 2")
