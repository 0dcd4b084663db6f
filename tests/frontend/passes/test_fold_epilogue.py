"""Affine operators and ReLU fold into epilogues exactly where the form allows it."""

import numpy as np
import pytest
from node_samples import RNG, convolution, pack, random_constant
from tvm import relax

from frontend.nodes import (
    DENSE,
    FLOAT_CONV2D,
    PACKED_CONV2D,
    make_constant,
    make_node,
    node_attributes,
    node_name,
    tensor_type,
)
from frontend.passes.fold_epilogue import fold_epilogue
from frontend.rewriter import straight_line

GAMMA = make_constant(np.array([1.5, -0.5, 2.0, -3.0], np.float32))
BETA = make_constant(np.array([0.1, 0.2, -0.3, 0.4], np.float32))
ALPHA = make_constant(np.array(0.25, np.float32))


def packed(emit, x):
    return convolution(emit, pack(emit, x), like=x, out_channels=4, plain=True)


def floating(emit, x):
    weight, bias = random_constant(4, 3, 3, 3), make_constant(np.zeros(4, np.float32))
    attributes = {"stride": [1, 1], "padding": [1, 1], "dilation": [1, 1], "relu": False}
    return emit(make_node(FLOAT_CONV2D, [x, weight, bias], attributes, tensor_type((1, 5, 5, 4))))


def check(build_graph, evaluate, operators, body, left):
    """Fold, compare numbers, and compare which operators are left besides pack and convolution."""
    module = build_graph({"x": (1, 5, 5, 3)}, body)
    after, fired = fold_epilogue(module)
    x = RNG.normal(size=(1, 5, 5, 3)).astype(np.float32)
    # float32: folding multiplies constants together first.
    np.testing.assert_allclose(evaluate(after, x)[0], evaluate(module, x)[0], rtol=1e-5, atol=1e-5)
    assert [name for name in operators(after) if not str(name).startswith("groupnet.")] == left
    return after, fired


def test_group_net_order_folds_whole_with_negative_gamma(build_graph, evaluate, operators):
    def body(emit, x):
        y = emit(relax.op.nn.relu(emit(relax.op.multiply(packed(emit, x), ALPHA))))
        return emit(relax.op.add(emit(relax.op.multiply(y, GAMMA)), BETA))

    after, fired = check(build_graph, evaluate, operators, body, [])
    assert fired == 4
    node = next(b.value for b in straight_line(after["main"]) if node_name(b.value) == PACKED_CONV2D)
    assert node_attributes(node)["relu"] is True


def test_relu_after_a_shift_stays(build_graph, evaluate, operators):
    def body(emit, x):
        return emit(relax.op.nn.relu(emit(relax.op.add(packed(emit, x), BETA))))

    check(build_graph, evaluate, operators, body, ["relax.nn.relu"])


def test_relu_after_a_negative_scale_stays(build_graph, evaluate, operators):
    def body(emit, x):
        return emit(relax.op.nn.relu(emit(relax.op.multiply(packed(emit, x), GAMMA))))

    check(build_graph, evaluate, operators, body, ["relax.nn.relu"])


def test_second_relu_stays(build_graph, evaluate, operators):
    def body(emit, x):
        y = emit(relax.op.nn.relu(packed(emit, x)))
        return emit(relax.op.nn.relu(emit(relax.op.multiply(y, GAMMA))))

    check(build_graph, evaluate, operators, body, ["relax.nn.relu"])


def test_result_with_two_readers_is_not_folded(build_graph, evaluate, operators):
    def body(emit, x):
        y = packed(emit, x)
        return emit(relax.op.add(emit(relax.op.multiply(y, ALPHA)), y))

    check(build_graph, evaluate, operators, body, ["relax.multiply", "relax.add"])


@pytest.mark.parametrize("constant_first", [False, True])
def test_float_convolution_folds_batch_norm_then_relu(build_graph, evaluate, operators, constant_first):
    def body(emit, x):
        y = floating(emit, x)
        y = emit(relax.op.multiply(GAMMA, y) if constant_first else relax.op.multiply(y, GAMMA))
        return emit(relax.op.nn.relu(emit(relax.op.add(y, BETA))))

    check(build_graph, evaluate, operators, body, [])


def test_float_convolution_keeps_what_follows_its_relu(build_graph, evaluate, operators):
    def body(emit, x):
        return emit(relax.op.multiply(emit(relax.op.nn.relu(floating(emit, x))), GAMMA))

    check(build_graph, evaluate, operators, body, ["relax.multiply"])


def test_dense_takes_its_bias(build_graph, evaluate):
    weight = make_constant(RNG.normal(size=(4, 3)).astype(np.float32))
    zeros = make_constant(np.zeros(4, np.float32))

    def body(emit, x):
        return emit(
            relax.op.add(
                BETA, emit(make_node(DENSE, [x, weight, zeros], {"relu": False}, tensor_type((2, 4))))
            )
        )

    module = build_graph({"x": (2, 3)}, body)
    after, fired = fold_epilogue(module)
    assert fired == 1
    x = RNG.normal(size=(2, 3)).astype(np.float32)
    np.testing.assert_allclose(evaluate(after, x)[0], evaluate(module, x)[0], rtol=1e-6)
