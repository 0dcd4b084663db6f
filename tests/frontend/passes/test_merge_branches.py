"""Branches that read one packed tensor in the same way become one wide convolution."""

import numpy as np
from node_samples import RNG, convolution, pack
from tvm import relax

from frontend.nodes import PACKED_CONV2D, node_attributes, node_name, node_results
from frontend.passes.fuse_pack import fuse_pack
from frontend.passes.merge_branches import merge_branches
from frontend.rewriter import straight_line


def convolutions(module):
    return [b.value for b in straight_line(module["main"]) if node_name(b.value) == PACKED_CONV2D]


def test_three_branches_merge_with_the_residual_they_share(build_graph, evaluate):
    def body(emit, x):
        words = pack(emit, x)
        return relax.Tuple([convolution(emit, words, like=x, layer=f"b{k}", residual=x) for k in range(3)])

    module = build_graph({"x": (1, 6, 6, 5)}, body)
    after, fired = merge_branches(module)
    assert fired == 3
    (wide,) = convolutions(after)
    assert [tuple(map(int, result.shape)) for result in node_results(wide)] == [(1, 6, 6, 5)] * 3
    assert node_attributes(wide)["layers"] == ("b0", "b1", "b2")
    x = RNG.normal(size=(1, 6, 6, 5)).astype(np.float32)
    for got, expected in zip(evaluate(after, x), evaluate(module, x), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_packed_results_of_branches_stay_with_their_branch(build_graph, evaluate):
    def body(emit, x):
        words = pack(emit, x)
        y = [convolution(emit, words, like=x, layer=f"b{k}") for k in range(2)]
        return relax.Tuple([pack(emit, y[1]), y[0], pack(emit, y[0]), y[1]])

    module = build_graph({"x": (1, 6, 6, 5)}, body)
    after, fired = merge_branches(fuse_pack(module)[0])
    assert fired == 2 and len(convolutions(after)) == 1
    x = RNG.normal(size=(1, 6, 6, 5)).astype(np.float32)
    for got, expected in zip(evaluate(after, x), evaluate(module, x), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_other_geometry_or_activation_does_not_merge(build_graph):
    def body(emit, x):
        words = pack(emit, x, border=2)
        others = [{}, {"relu": True}, {"dilation": 2}, {"out_channels": 3}]
        return relax.Tuple([convolution(emit, words, like=x, border=2, **other) for other in others])

    after, fired = merge_branches(build_graph({"x": (1, 6, 6, 5)}, body))
    assert fired == 0
    assert len(convolutions(after)) == 4


def test_other_input_does_not_merge(build_graph):
    def body(emit, x, y):
        return relax.Tuple([convolution(emit, pack(emit, tensor), like=tensor) for tensor in (x, y)])

    assert merge_branches(build_graph({"x": (1, 6, 6, 5), "y": (1, 6, 6, 5)}, body))[1] == 0


def test_other_residual_does_not_merge(build_graph):
    def body(emit, x, y):
        words = pack(emit, x)
        return relax.Tuple([convolution(emit, words, like=x, residual=tensor) for tensor in (x, y)])

    assert merge_branches(build_graph({"x": (1, 6, 6, 5), "y": (1, 6, 6, 5)}, body))[1] == 0
