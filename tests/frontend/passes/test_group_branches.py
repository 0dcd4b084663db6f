"""Convolutions that one combination alone reads become one node with it, and no others do."""

import numpy as np
import pytest
from node_samples import RNG, convolution, pack
from tvm import relax

from frontend.nodes import COMBINE, GROUPED_CONV2D, make_constant, make_node, node_attributes, tensor_type
from frontend.passes.fuse_pack import fuse_pack
from frontend.passes.group_branches import group_branches
from frontend.rewriter import straight_line

SHAPE = (1, 4, 4, 6)


def combine(emit, y, *, mixed=False, connected=True):
    """The new inputs of the branches, behind the sum if that is wanted."""
    vectors = [make_constant(RNG.normal(size=len(y)).astype(np.float32)) for _ in range(2)]
    share = make_constant(np.full(len(y), 0.5 * connected, np.float32))
    results = [tensor_type(SHAPE)] * (mixed + len(y) * connected)
    attributes = {"mixed": mixed, "floats": True, "packed": False}
    made = emit(make_node(COMBINE, [*y, *vectors, share], attributes, *results))
    if len(results) == 1:
        return [made]
    return [emit(relax.TupleGetItem(made, index)) for index in range(len(results))]


def check(build_graph, evaluate, operators, body, groups=1):
    module = build_graph({"x": SHAPE, "z": SHAPE}, body)
    after, fired = group_branches(fuse_pack(module)[0])
    assert fired == groups == operators(after).count(GROUPED_CONV2D)
    assert operators(after).count(COMBINE) == operators(module).count(COMBINE) - groups
    inputs = RNG.normal(size=(2, *SHAPE)).astype(np.float32)
    for got, expected in zip(evaluate(after, *inputs), evaluate(module, *inputs), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-5)
    return after


@pytest.mark.parametrize("has_residual", [False, True])
@pytest.mark.parametrize(("mixed", "connected"), [(False, True), (True, True), (True, False)])
def test_branches_of_different_inputs(build_graph, evaluate, operators, has_residual, mixed, connected):
    def body(emit, x, z):
        y = [
            convolution(emit, pack(emit, v), like=v, relu=True, layer=n, residual=v if has_residual else None)
            for v, n in ((x, "a"), (z, "b"))
        ]
        return relax.Tuple(combine(emit, y, mixed=mixed, connected=connected))

    after = check(build_graph, evaluate, operators, body)
    (node,) = [b.value for b in straight_line(after["main"]) if isinstance(b.value, relax.Call)][-1:]
    assert node_attributes(node)["layers"] == ("a", "b")


def test_branches_of_one_input_whose_results_are_packed(build_graph, evaluate, operators):
    def body(emit, x, z):
        words = pack(emit, x)
        y = [convolution(emit, words, like=x, residual=z) for _ in range(3)]
        return relax.Tuple([pack(emit, item) for item in combine(emit, y)])

    check(build_graph, evaluate, operators, body)


def test_a_branch_that_somebody_else_reads_stays(build_graph, evaluate, operators):
    def body(emit, x, z):
        y = [convolution(emit, pack(emit, v), like=v) for v in (x, z)]
        return relax.Tuple([*combine(emit, y), y[0]])

    check(build_graph, evaluate, operators, body, groups=0)


@pytest.mark.parametrize("other", [{"relu": True}, {"dilation": 2, "border": 2}, {"residual": True}])
def test_branches_of_different_geometry_stay(build_graph, evaluate, operators, other):
    def body(emit, x, z):
        words = pack(emit, x, border=other.get("border", 1))
        changed = other | ({"residual": z} if "residual" in other else {})
        y = [convolution(emit, pack(emit, z), like=z), convolution(emit, words, like=x, **changed)]
        return relax.Tuple(combine(emit, y))

    check(build_graph, evaluate, operators, body, groups=0)
