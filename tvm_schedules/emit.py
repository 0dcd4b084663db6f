"""Small vocabulary for writing loop nests with TVM's IR builder: loops, vectors, local registers.

A kernel here is written out as a scheduled loop nest rather than derived by schedule primitives: register
tiles of two sizes without bounds checks and byte accumulators that are widened every 31 steps have no
primitive.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tvm import tirx
from tvm.script.ir_builder import IRBuilder
from tvm.target import codegen
from tvm.tirx.script.builder import ir as builder

# Below this many floats to move, waking the other threads (some 10 us) costs more than they save.
PARALLEL_ELEMENTS = 1 << 15

Expr = Any
Buffer = Any
PrimFunc = Any


@contextmanager
def prim_func(name: str, op: str) -> Iterator[list[PrimFunc]]:
    """Build a PrimFunc named `name`; the list holds it after the block has ended.

    The attributes say that no argument aliases another, that nobody shall schedule it again, and which
    kernel it is.
    """
    built: list[PrimFunc] = []
    with IRBuilder() as ir_builder:
        with builder.prim_func(s_tir=True):
            builder.func_name(name)
            builder.func_attr(
                {
                    "global_symbol": name,
                    "groupnet.kernel": op,
                    "tirx.is_scheduled": True,
                    "tirx.noalias": True,
                }
            )
            yield built
    built.append(ir_builder.get())


def argument(name: str, shape: Sequence[int], dtype: str) -> Buffer:
    """Declare the next argument of the function."""
    return builder.arg(name, builder.buffer(tuple(shape), dtype))


def reshaped(buffer: Buffer, shape: Sequence[int]) -> Buffer:
    """View a buffer's memory with another shape of as many elements."""
    return builder.decl_buffer(tuple(shape), buffer.ty.dtype, data=buffer.data)


def viewed(buffer: Buffer, shape: Sequence[int], dtype: str) -> Buffer:
    """View a buffer's memory as elements of another type, as many as fit."""
    return builder.decl_buffer(tuple(shape), dtype, data=buffer.data)


def local(elements: int, dtype: str) -> Buffer:
    """Allocate a small array that the code generator keeps in registers where every index is a constant.

    The scope is "global" and the size below 1 KB on purpose: TVM then puts the array on the stack, and
    takes anything else ("local" too) from the workspace pool, with a call to the runtime each time.
    """
    return builder.alloc_buffer((elements,), dtype, scope="global")


def workspace(shape: Sequence[int], dtype: str) -> Buffer:
    """Allocate a temporary tensor from the runtime's workspace pool."""
    return builder.alloc_buffer(tuple(shape), dtype, scope="global")


@contextmanager
def serial(extent: int) -> Iterator[Expr]:
    """Loop over `range(extent)`; a single iteration makes no loop and yields the integer 0."""
    if extent == 1:
        yield 0
    else:
        with builder.serial(0, extent) as index:
            yield index


@contextmanager
def parallel(extent: int) -> Iterator[Expr]:
    """Share `range(extent)` among the threads of the runtime's pool."""
    with builder.parallel(0, extent) as index:
        yield index


@contextmanager
def when(condition: Expr) -> Iterator[None]:
    """Run the block if `condition` holds."""
    with builder.If(condition), builder.Then():
        yield


def span(start: Expr, lanes: int) -> Expr:
    """Index of `lanes` consecutive elements from `start`."""
    return start if lanes == 1 else tirx.Ramp(start, 1, lanes)


def splat(value: Expr, lanes: int) -> Expr:
    """Broadcast a scalar to a vector."""
    return value if lanes == 1 else tirx.Broadcast(value, lanes)


def constant(value: int | float, dtype: str, lanes: int) -> Expr:
    """Return a vector of `lanes` times the constant `value`."""
    return splat(tirx.const(value, dtype), lanes)


def store(buffer: Buffer, value: Expr, *indices: Expr) -> None:
    """Write a scalar or a vector (the last index being a `span`)."""
    builder.buffer_store(buffer, value, list(indices))


def keep(value: Expr, lanes: int) -> Expr:
    """Name a float32 vector that is used more than once, so that it is computed once."""
    kept = local(lanes, "float32")
    store(kept, value, span(0, lanes))
    return kept[span(0, lanes)]


def reinterpret(value: Expr, dtype: str) -> Expr:
    """Read the bits of `value` as another type of the same total width."""
    return tirx.reinterpret(dtype, value)


def llvm(intrinsic: str, dtype: str, *operands: Expr) -> Expr:
    """Call an LLVM intrinsic without side effects, by its LLVM name."""
    return tirx.call_llvm_pure_intrin(dtype, codegen.llvm_lookup_intrinsic_id(intrinsic), *operands)
