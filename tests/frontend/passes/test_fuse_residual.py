"""Skip connections become an operand of the convolution before them, where that is allowed."""

import numpy as np
import pytest
from node_samples import RNG, convolution, pack
from tvm import relax

from frontend.nodes import PACKED_CONV2D, make_constant, node_attributes, node_name
from frontend.passes.fuse_residual import fuse_residual
from frontend.rewriter import straight_line

SHAPE = (1, 6, 6, 5)


def branch(emit, x, layer):
    return convolution(emit, pack(emit, x), like=x, layer=layer)


def residuals(module):
    nodes = (b.value for b in straight_line(module["main"]))
    convolutions = [node_attributes(node) for node in nodes if node_name(node) == PACKED_CONV2D]
    return [attributes["layers"][0] for attributes in convolutions if attributes["residual"]]


def skip(emit, x):
    return emit(relax.op.add(branch(emit, x, "a"), x))


def skip_first(emit, x):
    return emit(relax.op.add(x, branch(emit, x, "a")))


def shortcut(emit, x):
    return emit(relax.op.add(branch(emit, x, "a"), branch(emit, x, "shortcut")))


def two_skips(emit, x):
    return emit(relax.op.add(emit(relax.op.add(branch(emit, x, "a"), x)), x))


def read_twice(emit, x):
    y = branch(emit, x, "a")
    return emit(relax.op.multiply(emit(relax.op.add(y, x)), y))


def constant(emit, x):
    return emit(relax.op.add(branch(emit, x, "a"), make_constant(np.ones(SHAPE, np.float32))))


@pytest.mark.parametrize(
    ("body", "fused", "adds"),
    [
        (skip, ["a"], 0),
        (skip_first, ["a"], 0),
        (shortcut, ["a"], 0),
        (two_skips, ["a"], 1),
        (read_twice, [], 1),
        (constant, [], 1),
    ],
)
def test_which_additions_fuse(build_graph, evaluate, operators, body, fused, adds):
    module = build_graph({"x": SHAPE}, body)
    after, fired = fuse_residual(module)
    assert fired == len(fused)
    assert residuals(after) == fused
    assert operators(after).count("relax.add") == adds
    x = RNG.normal(size=SHAPE).astype(np.float32)
    np.testing.assert_array_equal(evaluate(after, x)[0], evaluate(module, x)[0])
