"""Branches that read one packed tensor in the same way become one wide convolution."""

import numpy as np
from tvm import relax

from frontend.nodes import PACKED_CONV2D, make_constant, make_node, node_attributes, node_name, node_shape
from frontend.passes.merge_branches import merge_branches
from frontend.rewriter import straight_line

RNG = np.random.default_rng(0)


def branch(words, channels, *, relu=True, dilation=1, layer="a"):
    attributes = {
        "height": 6,
        "width": 6,
        "in_channels": 5,
        "border": [2, 2],
        "stride": [1, 1],
        "padding": [dilation] * 2,
        "dilation": [dilation] * 2,
        "relu": relu,
        "layers": [layer],
        "channels": [channels],
    }
    arguments = [
        words,
        make_constant(RNG.normal(size=(channels, 5, 3, 3)).astype(np.float32)),
        make_constant(RNG.normal(size=channels).astype(np.float32)),
        make_constant(RNG.normal(size=channels).astype(np.float32)),
    ]
    return make_node(PACKED_CONV2D, arguments, attributes, (1, 6, 6, channels))


def pack(emit, x):
    return emit(make_node("groupnet.pack", [x], {"border": [2, 2], "pad_value": 1}, (1, 10, 10, 1), "uint32"))


def convolutions(module):
    return [b.value for b in straight_line(module["main"]) if node_name(b.value) == PACKED_CONV2D]


def test_three_branches_of_different_width_merge(build_graph, evaluate):
    def body(emit, x):
        words = pack(emit, x)
        return relax.Tuple([emit(branch(words, channels, layer=f"b{channels}")) for channels in (4, 7, 1)])

    module = build_graph({"x": (1, 6, 6, 5)}, body)
    after, fired = merge_branches(module)
    assert fired == 3
    (wide,) = convolutions(after)
    assert node_shape(wide) == (1, 6, 6, 12)
    assert node_attributes(wide)["layers"] == ("b4", "b7", "b1")
    assert node_attributes(wide)["channels"] == (4, 7, 1)
    x = RNG.normal(size=(1, 6, 6, 5)).astype(np.float32)
    for got, expected in zip(evaluate(after, x), evaluate(module, x), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_other_geometry_or_activation_does_not_merge(build_graph):
    def body(emit, x):
        words = pack(emit, x)
        nodes = [branch(words, 4), branch(words, 4, relu=False), branch(words, 4, dilation=2)]
        return relax.Tuple([emit(node) for node in nodes])

    after, fired = merge_branches(build_graph({"x": (1, 6, 6, 5)}, body))
    assert fired == 0
    assert len(convolutions(after)) == 3


def test_other_input_does_not_merge(build_graph):
    def body(emit, x, y):
        return relax.Tuple([emit(branch(pack(emit, x), 4)), emit(branch(pack(emit, y), 4))])

    assert merge_branches(build_graph({"x": (1, 6, 6, 5), "y": (1, 6, 6, 5)}, body))[1] == 0
