"""Register tiles: how many pixels and channels a kernel keeps in registers, by shape and register file.

A tile is `rows x columns` pixels by `vectors` groups of output channels; one accumulator each. `vectors`
depends on the number of output channels alone, since the packed weights are laid out by it; pixels then
fill the register file. `register_file` (`cores.py`) says what a target has.
"""

from dataclasses import dataclass
from enum import Enum

from tvm_schedules.errors import KernelError
from tvm_schedules.partition import parts
from tvm_schedules.targets import InstructionSet

# Widths of the integers that signs are stored as.
INTEGER_BITS = (8, 16, 32)


class Counter(Enum):
    """Bits of the lanes in which a binary kernel counts; `steps.py` has a class for each.

    Narrow lanes must be widened before they overflow: bytes during the reduction, pairs of them at its end.
    """

    BYTES = 8
    PAIRS = 16
    LANES = 32


@dataclass(frozen=True)
class Budget:
    """What a tile of one element type may use.

    Attributes:
        vectors: vectors of output channels side by side, at most.
        accumulators: vectors that hold sums, at most; the rest of the registers hold weights, constants (a
            popcount table, ones, masks) and the product in flight.
        unroll: steps of the innermost reduction loop that are written out, at most (`Tile.body_steps`).
    """

    vectors: int
    accumulators: int
    unroll: int


@dataclass(frozen=True)
class RegisterFile:
    """The vector registers of an instruction set or core, and how tiles of signs and of floats share them.

    Attributes:
        lanes: 32-bit lanes of a vector.
        counters: what binary kernels may count in, the default first.
        binary: budget of binary tiles.
        float: budget of float tiles.
        pixel: budget of tiles that multiply bytes of pixels (`pixel_conv2d`), whose accumulators are three
            registers each; None: no instruction multiplies and sums bytes.
        broadcasts_lanes: broadcast lanes of a loaded vector rather than scalars in memory. True where a
            broadcasting load takes no offset, and so costs an address computation of its own (NEON's
            `ld1r`).
    """

    lanes: int
    counters: tuple[Counter, ...]
    binary: Budget
    float: Budget
    pixel: Budget | None = None
    broadcasts_lanes: bool = False

    def budget(self, *, binary: bool) -> Budget:
        """Return the budget of binary or float tiles."""
        return self.binary if binary else self.float


# Chosen from measured times (x86) and executed instructions (NEON), for cores that `cores.py` does not name.
REGISTER_FILES: dict[InstructionSet, RegisterFile] = {
    # 16 accumulators hide the latency of an addition or multiply-add; more of them only invite spills.
    InstructionSet.AVX512_VPOPCNTDQ: RegisterFile(
        16, (Counter.LANES,), binary=Budget(2, 16, 2), float=Budget(2, 16, 2), pixel=Budget(1, 8, 2)
    ),
    InstructionSet.AVX2: RegisterFile(8, (Counter.BYTES,), binary=Budget(2, 8, 2), float=Budget(2, 12, 2)),
    # Twelve accumulators are what no core's instruction scheduling spills.
    InstructionSet.NEON: RegisterFile(
        4,
        (Counter.PAIRS, Counter.BYTES),
        binary=Budget(4, 12, 4),
        float=Budget(4, 16, 4),
        broadcasts_lanes=True,
    ),
    # Of pixels, six have three registers each: with seven the A510's schedule spills, and others would take
    # 2 % fewer instructions.
    InstructionSet.NEON_DOTPROD: RegisterFile(
        4,
        (Counter.LANES, Counter.PAIRS),
        binary=Budget(4, 12, 4),
        float=Budget(4, 16, 4),
        pixel=Budget(1, 6, 4),
        broadcasts_lanes=True,
    ),
    InstructionSet.PORTABLE: RegisterFile(4, (Counter.BYTES,), binary=Budget(2, 6, 2), float=Budget(2, 8, 2)),
}


# What a tuner tries for `Tile.unroll`.
UNROLLS = (1, 2, 4, 8)

# A body is not cut below this many steps to leave no rest: smaller bodies cost more than a rest does.
SMALLEST_HALVED_BODY = 4


@dataclass(frozen=True)
class Tile:
    """One register tile.

    Attributes:
        rows: output rows.
        columns: output columns.
        vectors: vectors of output channels; a block of weights has `vectors * lanes` channels.
        unroll: steps (words or channels) of the reduction in the body of the innermost loop, at most.
        counter: what a binary kernel counts in; None: the first of the register file that holds the totals.

    Raises:
        KernelError: if a count is below 1.
    """

    rows: int
    columns: int
    vectors: int
    unroll: int
    counter: Counter | None = None

    def __post_init__(self) -> None:
        """Refuse an empty tile."""
        for name in ("rows", "columns", "vectors", "unroll"):
            if getattr(self, name) < 1:
                raise KernelError(
                    f"expected a tile with {name} >= 1; got {self}; take one from `candidate_tiles`"
                )

    def body_steps(self, run: int) -> int:
        """Steps in the loop body of a run: `unroll`, halved for as long as a rest would be left behind.

        A rest lies in one basic block with the last of the loop, and code generators spill in large blocks.
        """
        steps = min(self.unroll, run)
        while run % steps and steps >= 2 * SMALLEST_HALVED_BODY:
            steps //= 2
        return steps

    def name_fields(self) -> dict[str, tuple[int, ...]]:
        """Fields of a kernel's name."""
        counter = {"a": (self.counter.value,)} if self.counter else {}
        return {"t": (self.rows, self.columns), "v": (self.vectors,), "u": (self.unroll,), **counter}


def weight_vectors(out_channels: int, registers: RegisterFile, *, binary: bool) -> int:
    """Vectors in a block of output channels: as few blocks as possible, then as little filler as possible.

    More blocks are worth it where the signs of a block would fill no integer, which keeps a convolution from
    packing its own result: 48 channels in blocks of 4 lanes are 3 x 4 vectors rather than 2 x 6.
    """
    lanes, widest = registers.lanes, registers.budget(binary=binary).vectors
    vectors = parts(out_channels, lanes)
    fewest = parts(vectors, parts(vectors, widest))
    if not binary or lanes in INTEGER_BITS or fewest * lanes in INTEGER_BITS:
        return fewest
    packable = [
        bits // lanes for bits in INTEGER_BITS if bits <= widest * lanes and not vectors % (bits // lanes)
    ]
    return max(packable, default=fewest)


def weight_block(out_channels: int, registers: RegisterFile, *, binary: bool) -> int:
    """`ot`: output channels in a block of packed weights."""
    return weight_vectors(out_channels, registers, binary=binary) * registers.lanes


def dense_vectors(out_features: int, registers: RegisterFile) -> int:
    """Vectors in a block of a dense layer's outputs: vectors fill the registers, as there are few pixels.

    Half the accumulators for the vectors of a pixel hide the latency of a multiply-add and let one image's
    weights stream; the other half is for a second image.
    """
    vectors = parts(out_features, registers.lanes)
    return parts(vectors, parts(vectors, registers.float.accumulators // 2))


def default_tile(
    out_height: int, out_width: int, out_channels: int, registers: RegisterFile, *, binary: bool
) -> Tile:
    """Choose a tile: all the pixels that fit, along a row; over several rows only where rows are short."""
    budget = registers.budget(binary=binary)
    vectors = weight_vectors(out_channels, registers, binary=binary)
    pixels = max(1, budget.accumulators // vectors)
    columns = parts(out_width, parts(out_width, pixels))
    rows = min(out_height, pixels // columns) if columns == out_width else 1
    return Tile(rows, columns, vectors, budget.unroll)


def candidate_tiles(
    out_height: int, out_width: int, out_channels: int, registers: RegisterFile, *, binary: bool
) -> list[Tile]:
    """List every sensible tile of a convolution, the default first: the space a tuner searches."""
    default = default_tile(out_height, out_width, out_channels, registers, binary=binary)
    pixels = max(1, 2 * registers.budget(binary=binary).accumulators // default.vectors)
    widths = {parts(out_width, count) for count in range(1, out_width + 1)}
    tiles = [
        Tile(rows, columns, default.vectors, unroll, counter)
        for columns in sorted(width for width in widths if width <= pixels)
        for rows in (1, 2)
        if rows <= out_height and rows * columns <= pixels
        for unroll in UNROLLS
        for counter in (None, *(registers.counters[1:] if binary else ()))
    ]
    return [default, *(tile for tile in tiles if tile != default)]
