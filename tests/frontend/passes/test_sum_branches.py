"""Reductions over stacked branches become additions."""

import numpy as np
import pytest
from tvm import relax

from frontend.passes.sum_branches import sum_branches

SHAPE = (1, 4, 2, 2)


def stack(emit, branches):
    joined = emit(relax.op.concat(list(branches), axis=0))
    return emit(relax.op.reshape(joined, (len(branches), *SHAPE)))


@pytest.mark.parametrize("reduce", [relax.op.mean, relax.op.sum])
def test_numbers_stay_and_no_stack_is_left(build_graph, evaluate, reduce, operators):
    module = build_graph(
        {"a": SHAPE, "b": SHAPE, "c": SHAPE},
        lambda emit, *branches: emit(reduce(stack(emit, branches), axis=[0], keepdims=False)),
    )
    inputs = np.random.default_rng(0).normal(size=(3, *SHAPE)).astype(np.float32)
    after, fired = sum_branches(module)
    assert fired == 1
    assert not {"relax.concat", "relax.reshape"} & set(operators(after))
    np.testing.assert_allclose(
        evaluate(after, *inputs)[0], evaluate(module, *inputs)[0], atol=1e-6
    )  # float32 sums


def test_mean_over_another_axis_is_left_alone(build_graph):
    module = build_graph(
        {"a": SHAPE, "b": SHAPE}, lambda emit, *branches: emit(relax.op.mean(stack(emit, branches), axis=[1]))
    )
    assert sum_branches(module)[1] == 0
