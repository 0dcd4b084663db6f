"""Batch norm becomes one multiplication and one addition, with the same numbers."""

import numpy as np
import pytest
from tvm import relax

from frontend.errors import UnsupportedModelError
from frontend.nodes import make_constant
from frontend.passes.decompose_batch_norm import decompose_batch_norm


def test_numbers_stay_with_negative_gamma(build_graph, evaluate, operators):
    rng = np.random.default_rng(0)
    gamma, beta, mean = rng.normal(size=(3, 5)).astype(np.float32)
    variance = rng.uniform(0.1, 2, 5).astype(np.float32)
    assert (gamma < 0).any()

    def body(emit, x):
        statistics = [make_constant(v) for v in (gamma, beta, mean, variance)]
        return emit(relax.TupleGetItem(emit(relax.op.nn.batch_norm(x, *statistics, axis=1)), 0))

    module = build_graph({"x": (2, 5, 3, 4)}, body)
    x = rng.normal(size=(2, 5, 3, 4)).astype(np.float32)
    after, fired = decompose_batch_norm(module)
    assert fired == 1
    assert operators(after) == ["relax.multiply", "relax.add"]
    # float32 rounding of values of order one.
    np.testing.assert_allclose(evaluate(after, x)[0], evaluate(module, x)[0], atol=1e-5)


def test_computed_statistics_are_refused(build_graph):
    ones = make_constant(np.ones(5, np.float32))

    def body(emit, x, mean):
        return emit(relax.TupleGetItem(emit(relax.op.nn.batch_norm(x, ones, ones, mean, ones, axis=1)), 0))

    with pytest.raises(UnsupportedModelError, match=r"model\.eval\(\)"):
        decompose_batch_norm(build_graph({"x": (1, 5, 3, 3), "mean": (5,)}, body))
