"""Packs move into the kernels that compute their input, and floats that nobody reads are not written."""

import numpy as np
from node_samples import RNG, convolution, pack
from tvm import relax

from frontend.nodes import (
    COMBINE,
    PACK,
    PACKED_CONV2D,
    make_constant,
    make_node,
    node_attributes,
    node_name,
    node_results,
    tensor_type,
)
from frontend.passes.fuse_pack import fuse_pack
from frontend.rewriter import straight_line

SHAPE = (1, 4, 4, 6)


def combine(emit, x, y, mixed=False):
    vectors = [make_constant(np.array(v, np.float32)) for v in ([0.5, 0.25], [1, -1], [2, 3])]
    results = [tensor_type(SHAPE)] * (2 + mixed)
    node = make_node(COMBINE, [x, y, *vectors], {"mixed": mixed, "floats": True, "packed": False}, *results)
    made = emit(node)
    return [emit(relax.TupleGetItem(made, index)) for index in range(2 + mixed)]


def check(build_graph, evaluate, body, fired):
    module = build_graph({"x": SHAPE, "y": SHAPE}, body)
    after, count = fuse_pack(module)
    assert count == fired
    inputs = RNG.normal(size=(2, *SHAPE)).astype(np.float32)
    for got, expected in zip(evaluate(after, *inputs), evaluate(module, *inputs), strict=True):
        np.testing.assert_array_equal(got, expected)
    return [b.value for b in straight_line(after["main"]) if node_name(b.value)]


def test_convolution_keeps_its_floats(build_graph, evaluate):
    def body(emit, x, _):
        return pack(emit, convolution(emit, pack(emit, x), like=x))

    nodes = check(build_graph, evaluate, body, 1)
    assert [node_name(node) for node in nodes] == [PACK, PACKED_CONV2D]
    assert len(node_results(nodes[1])) == 2


def test_a_second_pack_of_the_same_tensor_stays(build_graph, evaluate):
    def body(emit, x, _):
        z = convolution(emit, pack(emit, x), like=x)
        return relax.Tuple([pack(emit, z), pack(emit, z, border=2, pad_value=-1)])

    nodes = check(build_graph, evaluate, body, 1)
    assert sum(node_name(node) == PACK for node in nodes) == 2


def test_combination_read_as_signs_alone_writes_no_floats(build_graph, evaluate):
    def body(emit, x, y):
        return relax.Tuple([pack(emit, item) for item in combine(emit, x, y)])

    (node,) = check(build_graph, evaluate, body, 2)
    assert not node_attributes(node)["floats"]
    assert [str(result.dtype) for result in node_results(node)] == ["uint32", "uint32"]


def test_combination_keeps_floats_and_sum_that_are_read(build_graph, evaluate):
    def body(emit, x, y):
        m, *inputs = combine(emit, x, y, mixed=True)
        return relax.Tuple([m, *(pack(emit, item) for item in inputs), inputs[0]])

    (node,) = check(build_graph, evaluate, body, 2)
    assert [str(result.dtype) for result in node_results(node)] == ["float32"] * 3 + ["uint32"] * 2


def test_combination_with_one_pack_missing_stays(build_graph, evaluate):
    def body(emit, x, y):
        first, second = combine(emit, x, y)
        return relax.Tuple([pack(emit, first), second])

    assert check(build_graph, evaluate, body, 0)
