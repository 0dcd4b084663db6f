"""What the schedule of glue must know about the blocks of a PrimFunc."""

from dataclasses import dataclass
from typing import Any

import tvm_ffi
from tvm import tirx
from tvm.ir import Call, TensorLoad
from tvm.s_tir import Schedule

from tvm_schedules.emit import Expr
from tvm_schedules.errors import KernelError

# Calls that cost tens of instructions: computing them twice is dearer than storing them once.
_CHEAP_CALLS = frozenset({"prim.if_then_else", "prim.likely"})


@dataclass(frozen=True)
class Block:
    """A block, its handle in the schedule, and its loops from the outside in."""

    name: str
    handle: Any
    statement: Any
    loops: tuple[Any, ...]
    extents: tuple[int, ...]
    kinds: tuple[int, ...]

    @property
    def is_simple(self) -> bool:
        """One store, whose every loop is an axis of its own: what fusion and legalisation make."""
        return isinstance(self.statement.body, tirx.BufferStore) and set(self.kinds) <= {
            tirx.IterVar.DataPar,
            tirx.IterVar.CommReduce,
        }

    @property
    def is_reduction(self) -> bool:
        """Whether some axis is summed (or maximised, ...) over."""
        return tirx.IterVar.CommReduce in self.kinds

    @property
    def elements(self) -> int:
        """Iterations of the block."""
        product = 1
        for extent in self.extents:
            product *= extent
        return product


def all_blocks(schedule: Schedule) -> list[Block]:
    """Every block below the root, in program order.

    Raises:
        KernelError: if a loop's extent is symbolic.
    """
    return [_block(schedule, handle) for handle in schedule.get_child_blocks(schedule.get_sblock("root"))]


def _block(schedule: Schedule, handle: Any) -> Block:
    statement = schedule.get(handle)
    loops = tuple(schedule.get_loops(handle))
    extents = []
    for loop in loops:
        extent = schedule.get(loop).extent
        if not isinstance(extent, tirx.IntImm):
            raise KernelError(
                f"expected static shapes; got a loop of {extent} in block {statement.name_hint!r}; "
                "bind the symbolic shapes before scheduling"
            )
        extents.append(int(extent))
    kinds = tuple(int(axis.iter_type) for axis in statement.iter_vars)
    return Block(str(statement.name_hint), handle, statement, loops, tuple(extents), kinds)


def _collect(root: Any, node_type: type) -> list[Any]:
    """Every node of one type inside an expression or statement."""
    found: list[Any] = []
    tvm_ffi.structural_walk(root, (node_type, found.append), order="post")
    return found


def loads(expression: Expr) -> list[Any]:
    """Every load from a buffer inside an expression."""
    return _collect(expression, TensorLoad)


def multiplies_two_buffers(block: Block) -> bool:
    """Whether a reduction sums products of two different buffers: a convolution or matrix product."""
    if not block.is_reduction:
        return False
    for product in _collect(block.statement.body, tirx.Mul):
        left = {load.source.name for load in loads(product.a)}
        right = {load.source.name for load in loads(product.b)}
        if left and right and left != right:
            return True
    return False


def is_costly(block: Block) -> bool:
    """Whether the block calls a function such as `exp`, which no reader should repeat."""
    return any(call.op.name not in _CHEAP_CALLS for call in _collect(block.statement.body, Call))


def selects(block: Block) -> bool:
    """Whether a condition decides what the block reads, as in a concatenation or a padding."""
    return any(call.op.name == "prim.if_then_else" for call in _collect(block.statement.body, Call))


def reads_at_own_axes(block: Block, producer: Block) -> bool:
    """Whether the block reads all that `producer` writes, and at exactly its own axes."""
    written = producer.statement.body.buffer
    if tuple(int(extent) for extent in written.shape) != block.extents:
        return False
    axes = [axis.var for axis in block.statement.iter_vars]
    reads = [load for load in loads(block.statement.body.value) if load.source.same_as(written)]
    return bool(reads) and all(_are(load.indices, axes) for load in reads)


def _are(indices: Any, axes: list[Any]) -> bool:
    return len(indices) == len(axes) and all(
        index.same_as(axis) for index, axis in zip(indices, axes, strict=True)
    )


def is_contiguous(block: Block) -> bool:
    """Whether the block reads and writes every buffer at exactly its own axes: one flat loop can do it."""
    store = block.statement.body
    axes = [axis.var for axis in block.statement.iter_vars]
    accesses = [store.indices, *(load.indices for load in loads(store.value))]
    return all(_are(indices, axes) for indices in accesses)
