"""What depends on parameters alone is computed at compile time."""

import numpy as np
from tvm import relax

from frontend.nodes import make_constant
from frontend.passes.fold_constants import fold_constants


def test_scale_of_weights_becomes_a_constant(build_graph, evaluate, operators):
    weight = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)

    def body(emit, x):
        scale = emit(relax.op.mean(emit(relax.op.abs(make_constant(weight))), axis=[0, 1]))
        return emit(relax.op.multiply(x, scale))

    module = build_graph({"x": (2, 3)}, body)
    after, fired = fold_constants(module)
    assert fired == 2
    assert operators(after) == ["relax.multiply"]
    x = np.ones((2, 3), np.float32)
    np.testing.assert_allclose(
        evaluate(after, x)[0], evaluate(module, x)[0], rtol=1e-6
    )  # one float32 rounding
