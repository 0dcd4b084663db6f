"""Schedules for what lies between the kernels: elementwise chains, slices, pooling, means, softmax.

Before: the blocks that operator legalisation and fusion leave, one naive loop nest each, temporaries in
    memory.
After:  elementwise producers inlined into their readers, and the reader of a reduction into its end; in
        every remaining block the outermost loops fused and parallel, the innermost (channel) axis in vectors,
        and reductions accumulated in registers:

    parallel (n, h)
      for w, channel chunk
        acc[lanes] = init
        for kh, kw: acc[lanes] = acc[lanes] + x[...]
        out[lanes] = acc[lanes] * scale[lanes] + shift[lanes]

A convolution or matrix product is refused: it would run tens of times slower than the kernels written for it.
"""

import math
import zlib

from tvm.s_tir import Schedule
from tvm.target import Target

from tvm_schedules.emit import PARALLEL_ELEMENTS, PrimFunc
from tvm_schedules.errors import KernelError
from tvm_schedules.glue_blocks import (
    Block,
    all_blocks,
    is_contiguous,
    is_costly,
    multiplies_two_buffers,
    reads_at_own_axes,
    selects,
)
from tvm_schedules.naming import KernelName
from tvm_schedules.targets import instruction_set
from tvm_schedules.tile import REGISTER_FILES

# Shares of work that are enough for the threads; what is left of a block's loops stays a plain loop, whose
# indices cost no divisions, and out of which the code generator moves what depends on the row alone.
PARALLEL_SHARES = 32

# Longest vector, in elements, that is left to the code generator to cut into registers.
LONGEST_VECTOR = 64

# Registers of accumulators that a reduction keeps side by side.
REDUCTION_REGISTERS = 4

# Longest product of reduction extents that is written out (a 3x3 pooling window).
UNROLLED_REDUCTION = 9

# Most vectors of a pixel that are written out where channels differ in what they read (a concatenation).
UNROLLED_CHUNKS = 64


def schedule_glue(func: PrimFunc, target: Target) -> PrimFunc:
    """Schedule a PrimFunc that holds no convolution and no matrix product.

    Args:
        func: a PrimFunc with static shapes, as Relax's LegalizeOps, FuseOps and FuseTIR make them.
        target: where it will run.

    Returns:
        The scheduled PrimFunc with the same arguments, named by the grammar of `naming`.

    Raises:
        KernelError: if the function multiplies two tensors inside a reduction, or has symbolic shapes.
    """
    if func.body.block.name_hint != "root":
        return _finished(func, func, target)  # one opaque block: a call of the runtime, such as `topk`
    lanes = REGISTER_FILES[instruction_set(target)].lanes
    # The schedule works on a module's "main"; the real name comes back at the end.
    schedule = Schedule(func.with_attr("global_symbol", "main"))
    for block in all_blocks(schedule):
        if multiplies_two_buffers(block):
            raise KernelError(
                f"expected glue (elementwise, pooling, ...); got a product of two tensors summed in block "
                f"{block.name!r}; lower convolutions and matrix products to their own kernels first"
            )
    _inline_producers(schedule)
    swallowed: set[str] = set()
    for block in all_blocks(schedule):
        if not block.is_simple or not block.loops:
            continue  # a scan, a sort or a scalar: correct as it stands, and nothing to spread over lanes
        if block.name in swallowed:
            continue
        if block.is_reduction:
            swallowed |= _schedule_reduction(schedule, block, lanes)
        else:
            _schedule_elementwise(schedule, block, lanes)
    return _finished(schedule.mod["main"], func, target)


def _finished(scheduled: PrimFunc, func: PrimFunc, target: Target) -> PrimFunc:
    """Give the scheduled form of `func` its name, and the mark that says it is scheduled."""
    name = _kernel_name(func, target)
    attributes = {
        "global_symbol": str(name),
        "groupnet.kernel": name.op,
        "tirx.is_scheduled": True,
        "tirx.noalias": True,
    }
    for key, value in attributes.items():
        scheduled = scheduled.with_attr(key, value)
    return scheduled


def _inline_producers(schedule: Schedule) -> None:
    """Inline every elementwise block into its readers, unless it is an output or dear and read twice."""
    outputs = {
        schedule.get(handle).name_hint for handle in schedule.get_output_blocks(schedule.get_sblock("root"))
    }
    for block in all_blocks(schedule):
        if block.is_reduction or not block.is_simple or block.name in outputs:
            continue
        readers = [schedule.get(reader) for reader in schedule.get_consumers(block.handle)]
        repeated = len(readers) > 1 or any(reader.init is not None for reader in readers)
        if is_costly(block) and repeated:
            continue
        schedule.compute_inline(block.handle)


def _parallel(schedule: Schedule, block: Block, outer: list[object]) -> None:
    """Fuse as many of the outer loops as make enough shares, and share them, if it is worth it."""
    if not outer or block.elements < PARALLEL_ELEMENTS:
        return
    shared, shares = 0, 1
    while shared < len(outer) and shares < PARALLEL_SHARES:
        shares *= int(schedule.get(outer[shared]).extent)
        shared += 1
    schedule.parallel(schedule.fuse(*outer[:shared]))


def vector_length(extent: int, lanes: int) -> int:
    """Elements of an innermost loop to put in one vector, such that `extent` is a multiple of it.

    Whole registers where they divide the extent; else the whole of a short loop, which the code generator
    cuts into registers and a rest; else the longest divisor that fits; 1 for a long loop without one.
    """
    if extent % lanes == 0:
        return lanes
    if extent <= LONGEST_VECTOR:
        return extent
    return max(divisor for divisor in range(1, LONGEST_VECTOR + 1) if extent % divisor == 0)


def _schedule_elementwise(schedule: Schedule, block: Block, lanes: int) -> None:
    """Vectorise the innermost axis; one flat loop where every access is at the block's own axes."""
    *outer, innermost = block.loops
    length = vector_length(block.extents[-1], lanes)
    if is_contiguous(block) and vector_length(block.elements, lanes) >= min(length, lanes):
        outer, innermost = [], schedule.fuse(*block.loops)
        length = vector_length(block.elements, lanes)
    if 2 * length <= min(lanes, block.extents[-1]):
        # No divisor worth a vector: the code generator's own loop vectoriser takes a long contiguous loop.
        _parallel(schedule, block, outer)
        return
    chunk, vector = schedule.split(innermost, [None, length])
    schedule.vectorize(vector)
    if outer and selects(block) and block.extents[-1] // length <= UNROLLED_CHUNKS:
        schedule.unroll(chunk)
        _parallel(schedule, block, outer)
    else:
        _parallel(schedule, block, [*outer, chunk])


def _schedule_reduction(schedule: Schedule, block: Block, lanes: int) -> set[str]:
    """Accumulate a vector of the innermost kept axis in registers over all reduced axes.

    Returns:
        The block that reads the sums and now is the end of this one, if there is such a block.
    """
    kinds = block.kinds
    kept = [loop for loop, kind in zip(block.loops, kinds, strict=True) if kind == 0]
    reduced = [loop for loop, kind in zip(block.loops, kinds, strict=True) if kind != 0]
    kept_extents = [extent for extent, kind in zip(block.extents, kinds, strict=True) if kind == 0]
    window = [extent for extent, kind in zip(block.extents, kinds, strict=True) if kind != 0]
    if not kept:
        return set()  # one number: a serial sum
    # A few registers side by side: the window's bounds are then checked once for all of them.
    length = vector_length(kept_extents[-1], REDUCTION_REGISTERS * lanes)
    if 2 * length <= min(lanes, kept_extents[-1]):
        schedule.reorder(*kept[:-1], *reduced, kept[-1])
        _parallel(schedule, block, kept[:-1])
        schedule.decompose_reduction(block.handle, reduced[0])
        return set()
    chunk, vector = schedule.split(kept[-1], [None, length])
    schedule.reorder(*kept[:-1], chunk, *reduced, vector)
    outer = [*kept[:-1], chunk]
    # In "global" scope a small array goes on the stack and from there to registers: see `emit.local`.
    copy = schedule.cache_write(block.handle, 0, "global")
    swallowed = _swallow_reader(schedule, block, copy)
    schedule.reverse_compute_at(copy, outer[-1])
    schedule.vectorize(vector)
    schedule.vectorize(schedule.get_loops(copy)[-1])
    if math.prod(window) <= UNROLLED_REDUCTION:
        for loop in reduced:
            schedule.unroll(loop)
    _parallel(schedule, block, outer)
    # Last: taken apart, initialisation and update no longer look like one reduction to the other primitives.
    start = schedule.decompose_reduction(block.handle, reduced[0])
    schedule.vectorize(schedule.get_loops(start)[-1])
    return swallowed


def _swallow_reader(schedule: Schedule, block: Block, copy: object) -> set[str]:
    """Let the copy from the accumulators do what their only reader does, if that is elementwise."""
    readers = [schedule.get(reader) for reader in schedule.get_consumers(copy)]
    if len(readers) != 1:
        return set()
    reader = next(other for other in all_blocks(schedule) if other.statement.same_as(readers[0]))
    if reader.is_reduction or not reader.is_simple or not reads_at_own_axes(reader, block):
        return set()
    schedule.reverse_compute_inline(reader.handle)
    return {reader.name}


def _kernel_name(func: PrimFunc, target: Target) -> KernelName:
    """Name a glue kernel by its operand types, its result's shape and a checksum of what it computes."""
    isa = instruction_set(target)
    text = func.without_attr("global_symbol").script()
    result = [int(extent) for extent in func.params[-1].ty.shape]
    return KernelName(
        op="glue",
        types="".join(_short_type(str(parameter.ty.dtype)) for parameter in func.params),
        layout="nhwc" if len(result) == 4 else "any",
        geometry={"y": tuple(result) or (1,), "id": (zlib.crc32(text.encode()),)},
        tile={"v": (REGISTER_FILES[isa].lanes,)},
        isa=isa,
    )


def _short_type(dtype: str) -> str:
    for long, short in (("float", "f"), ("uint", "u"), ("int", "i")):
        if dtype.startswith(long):
            return short + dtype.removeprefix(long)
    return dtype
