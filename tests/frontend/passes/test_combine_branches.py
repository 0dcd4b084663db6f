"""Sums over branches and soft connections are recognised by what they compute, in every form they come in."""

import numpy as np
import pytest
from node_samples import RNG, convolution, number, pack
from tvm import relax

from frontend.nodes import COMBINE, node_attributes, node_name, node_results
from frontend.passes.combine_branches import combine_branches
from frontend.rewriter import straight_line

SHAPE = (1, 4, 4, 6)


def branches(emit, x, count=3):
    """Branch outputs: convolutions, as everything before them has been fused into them."""
    words = pack(emit, x)
    return [convolution(emit, words, like=x, layer=f"b{k}") for k in range(count)]


def total(emit, tensors):
    result = tensors[0]
    for tensor in tensors[1:]:
        result = emit(relax.op.add(result, tensor))
    return result


def average(emit, tensors):
    return emit(relax.op.multiply(total(emit, tensors), number(1 / len(tensors))))


def learned(emit, tensors):
    return total(emit, [emit(relax.op.multiply(y, number(0.3 + k))) for k, y in enumerate(tensors)])


def gated(emit, tensors, m, own=(0.7, 0.7, 0.7)):
    def scaled(factor, tensor):
        return emit(relax.op.multiply(number(factor), tensor))

    return [
        emit(relax.op.add(scaled(gate, y), scaled(1 - gate, m))) for gate, y in zip(own, tensors, strict=True)
    ]


def combines(module):
    return [b.value for b in straight_line(module["main"]) if node_name(b.value) == COMBINE]


def check(build_graph, evaluate, body):
    module = build_graph({"x": SHAPE}, body)
    after, fired = combine_branches(module)
    x = RNG.normal(size=SHAPE).astype(np.float32)
    for got, expected in zip(evaluate(after, x), evaluate(module, x), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)
    assert fired == len(combines(after))
    return after


@pytest.mark.parametrize("fuse", [average, learned, total])
def test_the_sum_alone(build_graph, evaluate, operators, fuse):
    after = check(build_graph, evaluate, lambda emit, x: fuse(emit, branches(emit, x)))
    (node,) = combines(after)
    assert node_attributes(node)["mixed"] and len(node_results(node)) == 1
    assert "relax.add" not in operators(after)


@pytest.mark.parametrize("fuse", [average, learned])
@pytest.mark.parametrize("own", [(0.7, 0.7, 0.7), (0.2, 0.3, 0.4)], ids=["block", "base"])
def test_soft_connection(build_graph, evaluate, operators, fuse, own):
    def body(emit, x):
        y = branches(emit, x)
        return relax.Tuple(gated(emit, y, fuse(emit, y), own))

    after = check(build_graph, evaluate, body)
    (node,) = combines(after)
    assert not node_attributes(node)["mixed"] and len(node_results(node)) == 3
    assert not {"relax.add", "relax.multiply"} & set(operators(after))


def test_a_sum_that_is_read_elsewhere_too_is_kept(build_graph, evaluate):
    def body(emit, x):
        y = branches(emit, x)
        m = average(emit, y)
        return relax.Tuple([*gated(emit, y, m), emit(relax.op.nn.relu(m))])

    (node,) = combines(check(build_graph, evaluate, body))
    assert node_attributes(node)["mixed"] and len(node_results(node)) == 4


def test_a_connection_that_lacks_a_branch_is_left_alone(build_graph, evaluate):
    def body(emit, x):
        y = branches(emit, x)
        return relax.Tuple(gated(emit, y[:2], average(emit, y), (0.7, 0.7)))

    after = check(build_graph, evaluate, body)
    assert all(len(node_results(node)) == 1 for node in combines(after))


def test_a_sum_that_is_the_next_branches_skip_is_one_too(build_graph, evaluate, operators):
    def body(emit, x):
        m = average(emit, branches(emit, x))
        words = pack(emit, m)
        following = [convolution(emit, words, like=m, residual=m, layer=f"c{k}") for k in range(2)]
        return relax.Tuple([average(emit, following)])

    after = check(build_graph, evaluate, body)
    assert [len(node_results(node)) for node in combines(after)] == [1, 1]
    assert "relax.add" not in operators(after)
