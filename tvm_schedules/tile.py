"""Register tiles: how many pixels and output channels a kernel keeps in registers, by shape and instruction set.

A tile is `rows x columns` pixels by `vectors` groups of output channels; one accumulator each. `vectors` depends on
the number of output channels alone, since the packed weights are laid out by it; pixels then fill the register file.
"""

from dataclasses import dataclass

from tvm_schedules.errors import KernelError
from tvm_schedules.partition import parts
from tvm_schedules.targets import InstructionSet


@dataclass(frozen=True)
class RegisterFile:
    """What a tile may use of one instruction set's vector registers.

    Attributes:
        lanes: 32-bit lanes of a vector.
        max_vectors: vectors of output channels side by side in a tile.
        binary_accumulators: accumulators of a binary tile; the rest of the registers hold weights, constants
            (a popcount table, ones, masks) and the xor in flight.
        float_accumulators: accumulators of a float tile.
        broadcasts_lanes: a lane of a loaded vector can be broadcast as cheaply as a scalar in memory. True where
            a broadcasting load takes no offset and so costs an address computation of its own (NEON's `ld1r`).
    """

    lanes: int
    max_vectors: int
    binary_accumulators: int
    float_accumulators: int
    broadcasts_lanes: bool = False


REGISTER_FILES: dict[InstructionSet, RegisterFile] = {
    InstructionSet.AVX512_VPOPCNTDQ: RegisterFile(
        lanes=16, max_vectors=2, binary_accumulators=28, float_accumulators=28
    ),
    InstructionSet.AVX2: RegisterFile(
        lanes=8, max_vectors=2, binary_accumulators=8, float_accumulators=12
    ),
    InstructionSet.NEON: RegisterFile(
        lanes=4, max_vectors=4, binary_accumulators=16, float_accumulators=20, broadcasts_lanes=True
    ),
    InstructionSet.NEON_DOTPROD: RegisterFile(
        lanes=4, max_vectors=4, binary_accumulators=16, float_accumulators=20, broadcasts_lanes=True
    ),
    InstructionSet.PORTABLE: RegisterFile(
        lanes=4, max_vectors=2, binary_accumulators=6, float_accumulators=8
    ),
}

# Steps of the innermost reduction loop that are written out. Four words are one 16-byte load of activations.
UNROLL = 4


@dataclass(frozen=True)
class Tile:
    """One register tile.

    Attributes:
        rows: output rows.
        columns: output columns.
        vectors: vectors of output channels; a block of weights has `vectors * lanes` channels.
        unroll: steps (words or channels) of the reduction in the body of the innermost loop.
    """

    rows: int
    columns: int
    vectors: int
    unroll: int = UNROLL

    def __post_init__(self) -> None:
        """Refuse an empty tile."""
        for name in ("rows", "columns", "vectors", "unroll"):
            if getattr(self, name) < 1:
                raise KernelError(
                    f"expected a tile with {name} >= 1; got {self}; take one from `candidate_tiles`"
                )


def weight_vectors(out_channels: int, isa: InstructionSet) -> int:
    """Vectors in a block of output channels: as few blocks as possible, then as little filler as possible."""
    registers = REGISTER_FILES[isa]
    vectors = parts(out_channels, registers.lanes)
    return parts(vectors, parts(vectors, registers.max_vectors))


def weight_block(out_channels: int, isa: InstructionSet) -> int:
    """`ot`: output channels in a block of packed weights."""
    return weight_vectors(out_channels, isa) * REGISTER_FILES[isa].lanes


def accumulator_limit(isa: InstructionSet, *, binary: bool) -> int:
    """Accumulators that fit the register file of `isa` beside a tile's other values."""
    registers = REGISTER_FILES[isa]
    return registers.binary_accumulators if binary else registers.float_accumulators


def default_tile(
    out_height: int, out_width: int, out_channels: int, isa: InstructionSet, *, binary: bool
) -> Tile:
    """Choose a tile: all the pixels that fit, along a row; over several rows only where rows are short."""
    vectors = weight_vectors(out_channels, isa)
    pixels = max(1, accumulator_limit(isa, binary=binary) // vectors)
    columns = parts(out_width, parts(out_width, pixels))
    rows = min(out_height, max(1, pixels // columns)) if out_width <= pixels else 1
    return Tile(rows=rows, columns=columns, vectors=vectors)


def candidate_tiles(
    out_height: int, out_width: int, out_channels: int, isa: InstructionSet, *, binary: bool
) -> list[Tile]:
    """List every sensible tile of a convolution, the default first: the space a tuner searches."""
    default = default_tile(out_height, out_width, out_channels, isa, binary=binary)
    pixels = max(1, accumulator_limit(isa, binary=binary) // default.vectors)
    widths = {parts(out_width, count) for count in range(1, out_width + 1)}
    tiles = [
        Tile(rows, columns, default.vectors, unroll)
        for columns in sorted(width for width in widths if width <= pixels)
        for rows in (1, 2)
        if rows <= out_height and rows * columns <= pixels
        for unroll in (1, 2, UNROLL)
    ]
    return [default, *(tile for tile in tiles if tile != default)]
