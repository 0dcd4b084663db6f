"""Products with a stored matrix become dense nodes."""

import numpy as np
import pytest
from tvm import relax

from frontend.errors import UnsupportedModelError
from frontend.nodes import DENSE, make_constant
from frontend.passes.lift_dense import lift_dense


def test_numbers_stay(build_graph, evaluate, operators):
    matrix = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    module = build_graph({"x": (2, 6)}, lambda emit, x: emit(relax.op.matmul(x, make_constant(matrix))))
    after, fired = lift_dense(module)
    assert fired == 1
    assert operators(after) == [DENSE]
    x = np.ones((2, 6), np.float32)
    np.testing.assert_allclose(
        evaluate(after, x)[0], evaluate(module, x)[0], rtol=1e-5
    )  # order of six float32 terms


def test_product_of_two_computed_tensors_is_refused(build_graph):
    module = build_graph({"x": (2, 6), "y": (6, 3)}, lambda emit, x, y: emit(relax.op.matmul(x, y)))
    with pytest.raises(UnsupportedModelError, match="stored matrix"):
        lift_dense(module)
