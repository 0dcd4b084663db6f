"""The last binary convolutions of a group's K branches and what the group ends with, in one kernel.

    parallel (block of output channels, image, band of rows)
      for branch k, for tile of the band
        y_k = act(dot_k) * scale_k + shift_k [+ residual_k]
      for pixel of the band
        m   = sum_k weight_k y_k
        x_k = own_k y_k + share_k m                      stored, packed

No `y_k` goes through memory: of each there is one band, in the caches (`grouped_tiles`). Words, weights,
residuals and packed outputs are those of `binary_conv2d`, `own`, `weight` and `share` those of `combination`.
One tensor may be the input, or the residual, of several branches.

`shown_k` float32 `[S, Ho, Wo, O]` gets `y_k` of the first S images. A network wants none of it and passes
tensors of no image; where the integers of every convolution must be seen (scale 1, shift 0, residual 0), S is
N.
"""

from dataclasses import dataclass, replace

from tvm import tirx
from tvm.target import Target

from tvm_schedules.binary_conv2d import (
    BinaryConstants,
    BinaryConv2dShape,
    affine_epilogue,
    binary_name_fields,
    binary_nest,
    check_in_place,
    count_step,
    rows_first,
)
from tvm_schedules.combination import Combination
from tvm_schedules.cores import register_file
from tvm_schedules.emit import PrimFunc, argument, prim_func
from tvm_schedules.errors import KernelError
from tvm_schedules.fused_outputs import FusedOutputs
from tvm_schedules.geometry import Pair
from tvm_schedules.grouped_tiles import GroupedOperands, GroupedTiles
from tvm_schedules.naming import KernelName
from tvm_schedules.nest import emit_regions
from tvm_schedules.outputs import Outputs
from tvm_schedules.packing import PackedOutput
from tvm_schedules.targets import InstructionSet, instruction_set
from tvm_schedules.tile import Tile, default_tile
from tvm_schedules.tile_emitter import TileEmitter

_REGION_ROWS = 4
_SCRATCH_BYTES = 96 << 10


@dataclass(frozen=True)
class GroupedEpilogue:
    """What a group ends with; every rounding is that of `BinaryEpilogue`, then of `Combination`.

    Attributes:
        relu: `act` is ReLU rather than the identity.
        residual: add a float32 tensor of the output's shape to each branch.
        mixed: write `m` as float32.
        floats: write `x_0 .. x_{K-1}` as float32.
        packed: write the packed signs of each `x_k` with this border; None: do not.
        in_place: write each `x_k` over the residual of branch `k`.

    Raises:
        KernelError: if nothing is written, or in place of nothing.
    """

    relu: bool
    residual: bool
    mixed: bool
    floats: bool
    packed: PackedOutput | None
    in_place: bool

    def __post_init__(self) -> None:
        """Refuse a kernel without outputs."""
        if not (self.mixed or self.floats or self.packed):
            raise KernelError(
                f"expected mixed, floats, packed or several; got {self}; ask for what somebody reads"
            )
        if self.in_place:
            check_in_place(residual=self.residual, floats=self.floats)


def default_region(shape: BinaryConv2dShape, branches: int) -> Pair:
    """Rows and columns of what a branch computes before the next one: up to four whole rows.

    Larger regions use a block of weights more often while the first cache holds it; the scratch of a block
    of 32 channels, `128 * branches` bytes a pixel, should leave room in the second. Measured at K = 5 from
    56x56x64 to 7x7x512, regions from one tile to 14 rows differ by at most 4 %; four rows, or two at 56x56,
    are within 1 % of the fastest everywhere.
    """
    rows = _SCRATCH_BYTES // (128 * branches * shape.out_width)
    return max(1, min(shape.out_height, rows, _REGION_ROWS)), shape.out_width


def candidate_regions(shape: BinaryConv2dShape, branches: int, tile: Tile) -> list[Pair]:
    """List every sensible region for a tile, the default first: the space a tuner searches."""
    default = default_region(shape, branches)
    rows = [rows for rows in (1, 2, 4, 7, 14) if tile.rows <= rows <= shape.out_height]
    regions = [(tile.rows, tile.columns), *((count, shape.out_width) for count in rows)]
    return [default, *(region for region in dict.fromkeys(regions) if region != default)]


def grouped_conv2d_kernel(
    shape: BinaryConv2dShape,
    target: Target,
    epilogue: GroupedEpilogue,
    *,
    branches: int,
    tile: Tile | None = None,
    region: Pair | None = None,
) -> PrimFunc:
    """Build the kernel of a group's end.

    Its arguments are `words x K, weights, scale, shift, [residual x K,] own, weight, share, shown x K, [m,]
    [x x K,] [packed x K]`; weights, scale and shift are the branches' concatenated on axis 0. In place,
    residuals are `x` too: no tensor may then be the residual of two branches.

    Args:
        shape: geometry of each convolution.
        target: where the kernel will run; picks the instruction set.
        epilogue: what becomes of the dot products.
        branches: K.
        tile: register tile, one of `candidate_tiles`; by default that of a single convolution.
        region: rows and columns, one of `candidate_regions`; by default `default_region`.

    Raises:
        KernelError: if `tile` does not fit the layout of the packed weights, or `branches` is below 1.
    """
    isa = instruction_set(target)
    if branches < 1:
        raise KernelError(f"expected branches >= 1; got {branches}; a group has one branch at least")
    if tile is None:
        registers = register_file(target)
        tile = default_tile(shape.out_height, shape.out_width, shape.out_channels, registers, binary=True)
    limit = region or default_region(shape, branches)
    nest = replace(binary_nest(shape, target, tile), rows_first=rows_first(shape, branches))
    step = count_step(shape, isa, tile)
    affine = affine_epilogue(shape.taps, nest.lanes, relu=epilogue.relu)
    name = _name(shape, isa, epilogue, branches, tile, limit)
    out_shape, each = shape.out_shape, range(branches)
    with prim_func(str(name), name.op) as built:
        sources = [argument(f"words_{k}", shape.packed_input_shape, "uint32") for k in each]
        constants = BinaryConstants(shape, target, branches)
        added = each if epilogue.residual else ()
        residuals = [argument(f"residual_{k}", out_shape, "float32") for k in added]
        combination = Combination(branches, isa)
        images = tirx.Var("images", "int64")
        shown = [argument(f"shown_{k}", (images, *out_shape[1:]), "float32") for k in each]
        mixed = Outputs(argument("m", out_shape, "float32")) if epilogue.mixed else None
        written = FusedOutputs(out_shape, branches, isa, tile.vectors, epilogue.packed)
        nothing = [None] * branches
        over = residuals if epilogue.in_place else []
        operands = GroupedOperands(
            residuals=residuals or nothing,
            shown=[Outputs(buffer) for buffer in shown],
            shown_images=images,
            mixed=mixed,
            inputs=written.declare(nothing, floats=epilogue.floats, over=over),
        )
        emitters = [TileEmitter(nest, step, constants.operands(words, ()), affine) for words in sources]
        tiles = GroupedTiles(emitters, combination, operands, limit)
        emit_regions(nest, limit, tiles.begin, tiles.region)
        written.complete()
    return built[0]


def _name(
    shape: BinaryConv2dShape,
    isa: InstructionSet,
    epilogue: GroupedEpilogue,
    branches: int,
    tile: Tile,
    region: Pair,
) -> KernelName:
    packed = epilogue.packed
    return KernelName(
        op="grouped_conv2d",
        types="b1b1" + "f32" * (epilogue.mixed or epilogue.floats) + "b1" * (packed is not None),
        layout="nhwc",
        geometry={
            **binary_name_fields(shape),
            "relu": (int(epilogue.relu),),
            "add": (int(epilogue.residual) + int(epilogue.in_place),),
            "m": (branches,),
            "mixed": (int(epilogue.mixed),),
            "floats": (int(epilogue.floats),),
            **(packed.name_fields() if packed else {}),
        },
        tile={**tile.name_fields(), "r": region},
        isa=isa,
    )
