"""A planned function becomes tables: places, aliases, shared constants, scratch; anything else is refused."""

from typing import Any

import numpy as np
import pytest
import tvm
from tvm import relax
from tvm.script import relax as R
from tvm.script import tirx as T

from frontend.c_export.plan import Slot, read_plan, scratch_bytes
from frontend.errors import UnsupportedModelError


@T.prim_func(s_tir=True)
def copy(x: T.Buffer((4, 8), "float32"), c: T.Buffer((8,), "float32"), y: T.Buffer((4, 8), "float32")):
    T.func_attr({"global_symbol": "copy_f32"})
    for i in T.parallel(4):
        scratch = T.alloc_buffer((100,), "float32", scope="local")
        words = T.alloc_buffer((3,), "uint32x4")
        for j in range(8):
            words[0] = T.Broadcast(T.uint32(0), 4)
            scratch[j] = x[i, j] + c[j]
            y[i, j] = scratch[j]


def planned(body: Any) -> Any:
    """A module whose `main(x)` is `body(builder, kernel, x)`, planned by hand."""
    builder = relax.BlockBuilder()
    kernel = builder.add_func(copy, "copy")
    x = relax.Var("x", relax.TensorType([4, 8], "float32"))
    with builder.function("main", [x]):
        builder.emit_func_output(body(builder, kernel, x))
    return builder.get()


def allocate(builder: Any, size: int, *shapes: tuple[int, ...]) -> list[Any]:
    storage = builder.emit(relax.op.memory.alloc_storage(relax.ShapeExpr([size]), 0, "global", "float32"))
    return [
        builder.emit(relax.op.memory.alloc_tensor(storage, 0, relax.ShapeExpr(shape), "float32"))
        for shape in shapes
    ]


def test_tensors_share_storage_and_equal_constants_are_kept_once() -> None:
    ones = np.ones(8, np.float32)

    def body(builder: Any, kernel: Any, x: Any) -> Any:
        first, again = allocate(builder, 128, (4, 8), (8, 4))
        out = builder.emit(relax.op.builtin.alloc_tensor(relax.ShapeExpr([4, 8]), "float32", 0, "global"))
        builder.emit(relax.Call(kernel, [x, relax.const(ones), first]))
        flat = builder.emit(relax.op.reshape(again, (4, 8)))
        builder.emit(relax.Call(kernel, [flat, relax.const(ones.copy()), out]))
        return out

    plan = read_plan(planned(body))
    assert [step.symbol for step in plan.steps] == ["__tvm_ffi_copy_f32"] * 2
    (x, c, first), (flat, same, out) = (step.arguments for step in plan.steps)
    assert c == same and bytes(plan.constants) == ones.tobytes()
    assert flat == first and plan.slots[first].offset == 128 and plan.slots[first].in_arena
    assert plan.inputs == [("x", x)] and plan.outputs == [("output_0", out)]
    assert plan.slots[out].offset == 256 and plan.arena_bytes == 384
    assert plan.most_arguments == 3 and list(plan.kernels) == ["copy"]


def test_scratch_is_the_sum_of_local_buffers_each_rounded_up() -> None:
    assert scratch_bytes(copy) == 448 + 64


def test_other_operators_are_refused() -> None:
    with pytest.raises(UnsupportedModelError, match=r"relax\.add"):
        read_plan(planned(lambda builder, _kernel, x: builder.emit(R.add(x, x))))


def test_a_function_without_kernels_is_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="at least one kernel"):
        read_plan(planned(lambda builder, _kernel, x: builder.emit(relax.Tuple([x]))))


def test_types_that_c_has_no_name_for_are_refused() -> None:
    with pytest.raises(UnsupportedModelError, match="float16"):
        read_plan(planned(lambda builder, _kernel, _x: builder.emit(relax.const(np.ones(8, np.float16)))))


def test_tvm_calls_the_tensor_types_as_the_runtime_does() -> None:
    for name in ("float32", "int32", "uint32", "int8", "uint8", "int64", "bool"):
        slot, dtype = Slot(True, 0, (2,), name), tvm.runtime.DataType(name)
        assert slot.type_code == dtype.type_code
        assert slot.size_bytes == 2 * np.dtype(name).itemsize
