"""Each distinct binarised tensor is packed once, with the widest border that a reader needs."""

import numpy as np
from tvm import relax

from frontend.nodes import (
    BINARY_CONV2D,
    PACK,
    PACKED_CONV2D,
    make_constant,
    make_node,
    node_attributes,
    node_name,
    tensor_type,
)
from frontend.passes.pack_activations import pack_activations
from frontend.rewriter import straight_line

RNG = np.random.default_rng(0)


def convolution(x, kernel, padding, shape, *, pad_value=1, dilation=1):
    weight = make_constant(RNG.normal(size=(4, 5, kernel, kernel)).astype(np.float32))
    attributes = {
        "stride": [1, 1],
        "padding": [padding] * 2,
        "dilation": [dilation] * 2,
        "pad_value": pad_value,
        "layer": f"conv{kernel}x{kernel}p{padding}{pad_value:+d}",
    }
    return make_node(BINARY_CONV2D, [x, weight], attributes, tensor_type(shape))


def packs(module):
    return [node_attributes(b.value) for b in straight_line(module["main"]) if node_name(b.value) == PACK]


def test_readers_with_different_padding_share_one_pack(build_graph, evaluate):
    def body(emit, x):
        a = emit(convolution(x, 3, 1, (1, 6, 6, 4)))
        b = emit(convolution(x, 1, 0, (1, 6, 6, 4)))
        c = emit(convolution(x, 3, 2, (1, 6, 6, 4), dilation=2))
        return emit(relax.op.add(emit(relax.op.add(a, b)), c))

    module = build_graph({"x": (1, 6, 6, 5)}, body)
    after, fired = pack_activations(module)
    assert fired == 3
    assert packs(after) == [{"border": (2, 2), "pad_value": 1}]
    x = RNG.normal(size=(1, 6, 6, 5)).astype(np.float32)
    x[0, :, :, 2] = 0.0  # sign(0) = +1
    np.testing.assert_array_equal(evaluate(after, x)[0], evaluate(module, x)[0])


def test_another_pad_value_is_another_pack(build_graph):
    def body(emit, x):
        a = emit(convolution(x, 3, 1, (1, 6, 6, 4), pad_value=1))
        b = emit(convolution(x, 3, 1, (1, 6, 6, 4), pad_value=-1))
        return emit(relax.op.add(a, b))

    after, _ = pack_activations(build_graph({"x": (1, 6, 6, 5)}, body))
    assert [pack["pad_value"] for pack in packs(after)] == [1, -1]
    assert sum(node_name(b.value) == PACKED_CONV2D for b in straight_line(after["main"])) == 2
