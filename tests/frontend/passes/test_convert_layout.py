"""Image tensors go to NHWC, and nothing inside the net is transposed back."""

import numpy as np
import pytest
from tvm import relax

from frontend.errors import UnsupportedModelError
from frontend.nodes import BINARY_CONV2D, FLOAT_CONV2D, make_constant, make_node, tensor_type
from frontend.passes.convert_layout import convert_layout
from frontend.rewriter import straight_line

RNG = np.random.default_rng(0)
WEIGHT = make_constant(RNG.normal(size=(8, 3, 3, 3)).astype(np.float32))


def test_a_classifier_keeps_its_numbers_without_transposes(build_graph, evaluate, operators):
    scale = make_constant(RNG.normal(size=(8, 1, 1)).astype(np.float32))

    def body(emit, x):
        y = emit(relax.op.nn.conv2d(x, WEIGHT, strides=2, padding=1))
        y = emit(relax.op.nn.relu(emit(relax.op.multiply(y, scale))))
        y = emit(relax.op.mean(y, axis=[2, 3], keepdims=True))
        return emit(relax.op.reshape(y, (2, 8)))

    module = build_graph({"x": (2, 3, 9, 7)}, body)
    x = RNG.normal(size=(2, 3, 9, 7)).astype(np.float32)
    after, fired = convert_layout(module)
    assert fired == 5
    assert operators(after) == [
        FLOAT_CONV2D,
        "relax.multiply",
        "relax.nn.relu",
        "relax.mean",
        "relax.reshape",
    ]
    # float32 sums of 27 products.
    np.testing.assert_allclose(
        evaluate(after, x.transpose(0, 2, 3, 1))[0], evaluate(module, x)[0], rtol=1e-5, atol=1e-5
    )


def test_binary_convolution_keeps_its_attributes(build_graph):
    attributes = {"stride": [2, 1], "padding": [1, 1], "dilation": [1, 1], "pad_value": -1, "layer": "a.b"}
    node = make_node(BINARY_CONV2D, [], attributes, tensor_type((1, 8, 4, 8)))

    def body(emit, x):
        return emit(relax.Call(node.op, [node.args[0], relax.Tuple([x, WEIGHT])], node.attrs, node.ty_args))

    after, fired = convert_layout(build_graph({"x": (1, 3, 8, 8)}, body))
    binding = straight_line(after["main"])[0]
    assert fired == 1
    assert dict(binding.value.attrs.items())["layer"] == "a.b"
    assert [int(v) for v in binding.value.ty_args[0].shape] == [1, 4, 8, 8]


def test_operators_without_a_rule_get_nchw_back(build_graph, evaluate, operators):
    def body(emit, x):
        y = emit(relax.op.nn.conv2d(x, WEIGHT, padding=1))
        return emit(relax.op.reshape(y, (1, 8 * 16)))

    module = build_graph({"x": (1, 3, 4, 4)}, body)
    x = RNG.normal(size=(1, 3, 4, 4)).astype(np.float32)
    after, _ = convert_layout(module)
    assert operators(after) == [FLOAT_CONV2D, "relax.permute_dims", "relax.reshape"]
    np.testing.assert_allclose(
        evaluate(after, x.transpose(0, 2, 3, 1))[0], evaluate(module, x)[0], rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(
    ("convolve", "message"),
    [
        (
            lambda x: relax.op.nn.conv2d(x, make_constant(np.ones((3, 1, 3, 3), np.float32)), groups=3),
            "groups=1",
        ),
        (lambda x: relax.op.nn.conv2d(x, WEIGHT, padding=[0, 1, 1, 0]), "symmetric"),
    ],
)
def test_what_has_no_kernel_is_refused(build_graph, convolve, message):
    with pytest.raises(UnsupportedModelError, match=message):
        convert_layout(build_graph({"x": (1, 3, 8, 8)}, lambda emit, x: emit(convolve(x))))
