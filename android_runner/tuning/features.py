"""What a choice means for its kernel, as numbers that a cost model can learn from.

Everything is read off the kernel's key and the choice, so that records of kernels that the present model does
not have, and of other cores, teach as much as its own.
"""

from functools import lru_cache

from tvm_schedules.errors import KernelError
from tvm_schedules.geometry import out_extent
from tvm_schedules.partition import parts
from tvm_schedules.pixel_weights import GROUP
from tvm_schedules.tile import REGISTER_FILES
from tvm_schedules.tuning.choice import Choice
from tvm_schedules.tuning.request import parse_kernel_key

_WORD_BITS = 32
_NEEDED = set("hwcokspd")


@lru_cache(maxsize=1 << 16)
def features(key: str, choice: Choice) -> tuple[float, ...]:
    """Return as many numbers for every kernel and choice.

    The choice's own numbers; what follows from them (accumulators, how much of the registers they fill, loads
    per product, pixels left over at the edges, steps left over by the unrolled body); the geometry; the
    instruction set.

    Raises:
        KernelError: the key is no convolution's.
    """
    name = parse_kernel_key(key)
    field, tile = name.geometry, choice.tile
    if not _NEEDED <= field.keys():
        raise KernelError(f"expected the key of a convolution; got {key}; take it from a record")
    (height,), (width,), (in_channels,), (out_channels,) = (field[one] for one in "hwco")
    extents = (height, width)
    out_height, out_width = (
        out_extent(extents[axis], field["k"][axis], field["s"][axis], field["p"][axis], field["d"][axis])
        for axis in (0, 1)
    )
    binary = "b" in field
    registers = REGISTER_FILES[name.isa]
    region = choice.region or (0, 0)
    (branches,) = field.get("m", (1,))
    pixels = tile.rows * tile.columns
    accumulators = pixels * tile.vectors
    steps = parts(in_channels, _WORD_BITS) if binary else in_channels
    if name.op == "pixel_conv2d":  # one run over all taps, four to a step
        steps = parts(in_channels * field["k"][0] * field["k"][1], GROUP)
    counter = tile.counter.value if tile.counter else 0
    chosen = (tile.rows, tile.columns, tile.vectors, tile.unroll, counter, *region)
    filled = accumulators / registers.budget(binary=binary).accumulators
    rest = (out_height % tile.rows, out_width % tile.columns, steps % tile.unroll)
    derived = (pixels, accumulators, filled, (pixels + tile.vectors) / accumulators, *rest)
    grouped = (region[0] * region[1] * branches, branches)
    geometry = (out_height * out_width, out_width, steps, out_channels, *field["k"], *field["s"], binary)
    machine = (registers.lanes, len(registers.counters))
    return tuple(float(number) for number in (*chosen, *derived, *grouped, *geometry, *machine))
