"""The factors of a combination are arguments, and NEON multiplies by lanes of vectors of them."""

import pytest

from tvm_schedules.combination import Combination
from tvm_schedules.emit import argument, prim_func, span, store
from tvm_schedules.targets import InstructionSet


@pytest.mark.parametrize(("branches", "lanes"), [(1, 0), (2, 2), (3, 2), (4, 4), (5, 4), (6, 6), (8, 8)])
def test_factors_are_loaded_together_as_far_as_they_reach(branches, lanes):
    with prim_func("total", "combine") as built:
        y = argument("y", (4 * branches,), "float32")
        combination = Combination(branches, InstructionSet.NEON)
        out = argument("out", (4,), "float32")
        store(out, combination.total([y[span(4 * k, 4)] for k in range(branches)]), span(0, 4))
    names = [str(parameter.name) for parameter in built[0].params]
    assert names == ["y", "own", "weight", "share", "out"]
    assert built[0].script().count("Shuffle") == lanes
