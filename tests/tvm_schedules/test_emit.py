"""The vocabulary for writing kernels."""

import numpy as np
import tvm

from tvm_schedules.emit import argument, parallel, prim_func, reshaped, serial, span, splat, store, when
from tvm_schedules.targets import resolve_target


def test_a_function_carries_its_name_and_what_it_is():
    with prim_func("pack_test", "pack") as built:
        x = argument("x", (4,), "float32")
        store(x, x[0], 1)
    attributes = built[0].attrs
    assert attributes["global_symbol"] == "pack_test"
    assert attributes["groupnet.kernel"] == "pack"
    assert attributes["tirx.is_scheduled"]
    assert attributes["tirx.noalias"]


def test_loops_views_spans_and_conditions():
    with prim_func("double_but_the_first", "glue") as built:
        x, out = argument("x", (2, 8), "float32"), argument("out", (2, 8), "float32")
        flat = reshaped(x, (16,))
        with parallel(2) as row, serial(2) as part, when(row + part > 0):
            vector = flat[span(row * 8 + part * 4, 4)]
            store(out, vector * splat(tvm.tirx.const(2, "float32"), 4), row, span(part * 4, 4))
    values = np.arange(16, dtype=np.float32).reshape(2, 8)
    result = tvm.runtime.tensor(np.zeros_like(values))
    library = tvm.compile(built[0], target=resolve_target("host"))
    library["double_but_the_first"](tvm.runtime.tensor(values), result)
    expected = 2 * values
    expected[0, :4] = 0
    np.testing.assert_array_equal(result.numpy(), expected)


def test_a_single_iteration_is_no_loop():
    with prim_func("once", "glue") as built:
        x = argument("x", (4,), "float32")
        with serial(1) as index:
            assert index == 0
            store(x, x[index], 1)
    assert "for " not in built[0].script()
