"""Binary convolution by SME2's `bmopa`: an outer product of 16 pixels and 16 output channels at a time.

Off by default: a target must have `+sme2` in its mattr (and SVE, as Arm's cores with SME2 do), and the caller
must ask for this kernel by name; no CPU's name is enough, and nothing else in this package chooses it.

    planes of the input's words, pixels innermost                               (`emit_planes`)
    parallel (block of output channels, image, run of 16 to 64 positions)
      ZA = 0                                                 up to four tiles: 2 x 2, or 4 x 1
      for kh, kw, word
        load one vector of words per 16 pixels, one per 16 channels; one bmopa per pair
      for position in run, if it is an output pixel: rows of ZA -> epilogue -> out

Arguments  words `[N, Hp, Wp, Cw]` uint32 as `pack_kernel` writes them, border included; weights
           `[ceil(O/ot), KH, KW, Cw, ot]` uint32 by `pack_sme2_weights`; scale and shift float32 `[O]`; out
           float32 `[N, Ho, Wo, O]`. `sme2_operands` has planes, positions and what `ot` is.
Vectors    rows of a tile are pixels, columns are output channels. 512-bit streaming vectors are assumed, so
           16 words to a vector; the kernel checks that before it starts and raises otherwise.
Counting   `bmopa` counts agreeing bits, the fillers past the last channel among them (0 agrees with 0):
           `agreeing = 32 * KH * KW * Cw - differing` and `dot = n - 2 * differing`, `n = KH * KW * C`,
           exact for n <= 2**24.
"""

from dataclasses import dataclass

from tvm import tirx
from tvm.target import Target, codegen

from tvm_schedules.binary_conv2d import BinaryConv2dShape
from tvm_schedules.bmopa import STREAMING_VECTOR_BITS, TILE_EXTENT
from tvm_schedules.emit import (
    Buffer,
    Expr,
    PrimFunc,
    argument,
    parallel,
    prim_func,
    serial,
    viewed,
    when,
    workspace,
)
from tvm_schedules.errors import KernelError
from tvm_schedules.geometry import name_fields
from tvm_schedules.naming import KernelName
from tvm_schedules.outer_product import AccumulatorBank, ModelBank, StreamingBank
from tvm_schedules.partition import parts
from tvm_schedules.sme2_operands import OuterProductPlan, emit_planes, sme2_weight_shape
from tvm_schedules.targets import instruction_set
from tvm_schedules.words import WORD_BITS, words

SME2_FEATURE = "+sme2"

# Without SVE, LLVM's streaming functions call `__arm_get_current_vg`, which compilers' runtime libraries
# older than SME lack: such a kernel compiles, and then cannot be linked or loaded.
_NEEDED_FEATURES = ("sme2", "sve")


def has_sme2(target: Target) -> bool:
    """Whether the target's mattr itself asks for SME2; naming a core that has it is not asking."""
    asked = SME2_FEATURE in [str(feature) for feature in target.attrs.get("mattr", [])]
    return asked and bool(codegen.target_has_features(list(_NEEDED_FEATURES), target))


def sme2_binary_conv2d_kernel(shape: BinaryConv2dShape, target: Target, *, relu: bool) -> PrimFunc:
    """Build the kernel `(words, weights, scale, shift, out)`: `out = act(dot) * scale + shift`.

    The arguments are those of `binary_conv2d_kernel`, but for weights packed by `pack_sme2_weights`.

    Raises:
        KernelError: if the target does not ask for SME2, or has it without SVE.
    """
    if not has_sme2(target):
        raise KernelError(
            f'expected a 64-bit Arm target with "{SME2_FEATURE}" in its mattr, and with SVE by its core or '
            f'by "+sve"; got {target}; add the features, or take `binary_conv2d_kernel`'
        )
    return _kernel(shape, target, StreamingBank(), relu=relu)


def modelled_binary_conv2d_kernel(shape: BinaryConv2dShape, target: Target, *, relu: bool) -> PrimFunc:
    """Build the same kernel with `bmopa` as loops that any CPU runs: for checks, not for speed."""
    return _kernel(shape, target, ModelBank(), relu=relu)


def _kernel(shape: BinaryConv2dShape, target: Target, bank: AccumulatorBank, *, relu: bool) -> PrimFunc:
    plan = OuterProductPlan(shape)
    name = _name(plan, target, relu=relu)
    channels = (shape.out_channels,)
    with prim_func(str(name), name.op) as built:
        source = argument("words", shape.packed_input_shape, "uint32")
        weights = argument("weights", sme2_weight_shape(shape), "uint32")
        scale = argument("scale", channels, "float32")
        shift = argument("shift", channels, "float32")
        out = argument("out", shape.out_shape, "float32")
        bank.check_vector_length()
        planes = workspace(plan.planes_shape, "int32")
        emit_planes(shape, viewed(source, shape.packed_input_shape, "int32"), planes)
        operands = _Operands(planes, viewed(weights, sme2_weight_shape(shape), "int32"), scale, shift, out)
        _Emitter(plan, bank, operands, relu=relu).emit()
    return built[0]


def _name(plan: OuterProductPlan, target: Target, *, relu: bool) -> KernelName:
    shape = plan.shape
    return KernelName(
        op="binary_conv2d",
        types="b1b1f32",
        layout="nhwc",
        geometry={
            **name_fields(shape),
            "b": shape.border,
            "relu": (int(relu),),
        },
        tile={"t": (1, plan.run), "v": (plan.channel_vectors,), "svl": (STREAMING_VECTOR_BITS,)},
        isa=instruction_set(target),
    )


@dataclass(frozen=True)
class _Operands:
    """Buffers of the nest; `planes` and `weights` are read as int32, which is what tiles count in."""

    planes: Buffer
    weights: Buffer
    scale: Buffer
    shift: Buffer
    out: Buffer


@dataclass(frozen=True)
class _RunAt:
    """A run of positions and a block of output channels, with a mask for each vector of either."""

    image: Expr
    block: Expr
    first_position: Expr
    position_masks: list[Expr]
    channel_masks: list[Expr]


class _Emitter:
    """Writes the nest from the outside in."""

    def __init__(
        self, plan: OuterProductPlan, bank: AccumulatorBank, operands: _Operands, *, relu: bool
    ) -> None:
        self.plan = plan
        self.shape = plan.shape
        self.bank = bank
        self.operands = operands
        self.relu = relu

    def emit(self) -> None:
        plan, bank, shape = self.plan, self.bank, self.shape
        blocks = parts(shape.out_channels, plan.channel_vectors * TILE_EXTENT)
        runs = parts(plan.positions, plan.run)
        with parallel(blocks * shape.batch * runs) as index, bank.region():
            block, image, run = index // (shape.batch * runs), index // runs % shape.batch, index % runs
            position, channel = run * plan.run, block * plan.channel_vectors * TILE_EXTENT
            at = _RunAt(
                image,
                block,
                position,
                [
                    bank.mask(position + vector * TILE_EXTENT, plan.positions)
                    for vector in range(plan.position_vectors)
                ],
                [
                    bank.mask(channel + vector * TILE_EXTENT, shape.out_channels)
                    for vector in range(plan.channel_vectors)
                ],
            )
            bank.zero()
            self.reduction(at)
            for vector in range(plan.position_vectors):
                self.outputs(at, vector)

    def reduction(self, at: _RunAt) -> None:
        """Emit the loops over kernel rows, kernel columns and words."""
        with (
            serial(self.shape.kernel[0]) as kernel_row,
            serial(self.shape.kernel[1]) as kernel_column,
            serial(words(self.shape.in_channels)) as word,
        ):
            pixels = self.pixels(at, kernel_row, kernel_column, word)
            columns = [
                self.bank.load(
                    self.operands.weights,
                    mask,
                    at.block,
                    kernel_row,
                    kernel_column,
                    word,
                    vector * TILE_EXTENT,
                )
                for vector, mask in enumerate(at.channel_masks)
            ]
            for row_vector, (row_mask, row_words) in enumerate(zip(at.position_masks, pixels, strict=True)):
                for vector, (mask, column_words) in enumerate(zip(at.channel_masks, columns, strict=True)):
                    tile = row_vector * self.plan.channel_vectors + vector
                    self.bank.accumulate(tile, row_mask, mask, row_words, column_words)

    def pixels(self, at: _RunAt, kernel_row: Expr, kernel_column: Expr, word: Expr) -> list[Expr]:
        """Load the words that the run's positions need at one kernel position."""
        shape = self.shape
        row = kernel_row * shape.dilation[0] + shape.border[0] - shape.padding[0]
        column = kernel_column * shape.dilation[1] + shape.border[1] - shape.padding[1]
        offset = row // shape.stride[0] * self.plan.plane_rows_and_columns[1] + column // shape.stride[1]
        return [
            self.bank.load(
                self.operands.planes,
                mask,
                at.image,
                row % shape.stride[0],
                column % shape.stride[1],
                word,
                at.first_position + vector * TILE_EXTENT + offset,
            )
            for vector, mask in enumerate(at.position_masks)
        ]

    def outputs(self, at: _RunAt, position_vector: int) -> None:
        """Emit the epilogue of a vector of positions: each is a row of the tiles, 16 channels to a store."""
        shape, plan, bank = self.shape, self.plan, self.bank
        plane_columns = plan.plane_rows_and_columns[1]
        with serial(TILE_EXTENT) as row:
            position = at.first_position + position_vector * TILE_EXTENT + row
            out_row, out_column = position // plane_columns, position % plane_columns
            with when(tirx.all(position < plan.positions, out_column < shape.out_width)):
                for vector, mask in enumerate(at.channel_masks):
                    agreeing = bank.row(position_vector * plan.channel_vectors + vector, row, mask)
                    channel = (at.block * plan.channel_vectors + vector) * TILE_EXTENT
                    scale = bank.load(self.operands.scale, mask, channel)
                    shift = bank.load(self.operands.shift, mask, channel)
                    value = self.finished(agreeing, scale, shift)
                    bank.store(self.operands.out, value, mask, at.image, out_row, out_column, channel)

    def finished(self, agreeing: Expr, scale: Expr, shift: Expr) -> Expr:
        """Return `act(dot) * scale + shift` of counts of agreeing bits.

        With `a = agreeing - 32 * KH * KW * Cw + n // 2` it is `dot = odd + 2 a`, `odd = n % 2`, and
        `relu(dot) = odd + 2 max(a, -odd / 2)`. Doubling is exact in floating point.
        """
        shape, bank = self.shape, self.bank
        bits = shape.kernel[0] * shape.kernel[1] * words(shape.in_channels) * WORD_BITS
        odd = shape.taps % 2
        centred = agreeing + bank.broadcast(tirx.const(shape.taps // 2 - bits, "int32"))
        half = centred.astype(f"float32{bank.suffix}")
        if self.relu:
            half = tirx.max(half, bank.broadcast(tirx.const(-odd / 2, "float32")))
        doubled = scale * bank.broadcast(tirx.const(2, "float32"))
        return half * doubled + (shift + scale if odd else shift)
