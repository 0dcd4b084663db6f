"""`verify` shows the device's signs, every convolution's integers on the bits given, and the outputs."""

import numpy as np
from node_samples import RNG, convolution, pack
from tvm import relax

from frontend.nodes import COMBINE, make_constant, make_node, tensor_type
from frontend.passes.add_verify import add_verify
from frontend.passes.group_branches import group_branches
from tvm_schedules.words import pack_signs


def body(emit, x):
    y = convolution(emit, pack(emit, x), like=x, residual=x)
    return relax.Tuple([convolution(emit, pack(emit, y), like=y, residual=y, relu=True)])


def test_given_the_networks_own_bits_verify_agrees_with_main(build_graph, evaluate):
    module, fired = add_verify(build_graph({"x": (1, 6, 6, 5)}, body))
    assert fired == 2
    x = RNG.normal(size=(1, 6, 6, 5)).astype(np.float32)
    nothing = np.zeros((1, 8, 8, 1), np.uint32)
    first_signs = evaluate(module, x, nothing, nothing, function="verify")[0]
    np.testing.assert_array_equal(first_signs, pack_signs(x, (1, 1)))
    second_signs = evaluate(module, x, first_signs, nothing, function="verify")[1]
    own_0, own_1, dot, relu_dot, output = evaluate(module, x, first_signs, second_signs, function="verify")
    np.testing.assert_array_equal(own_0, first_signs)
    np.testing.assert_array_equal(own_1, second_signs)
    np.testing.assert_array_equal(output, evaluate(module, x)[0])
    assert np.array_equal(dot, np.round(dot)) and (dot < 0).any()
    assert np.array_equal(relu_dot, np.round(relu_dot)) and (relu_dot >= 0).all()


def test_complemented_bits_turn_the_integers_over(build_graph, evaluate):
    module, _ = add_verify(build_graph({"x": (1, 6, 6, 5)}, body))
    x, y = RNG.normal(size=(2, 1, 6, 6, 5)).astype(np.float32)
    bits = [pack_signs(v, (1, 1), 1) for v in (x, y)]
    turned = [pack_signs(-v, (1, 1), -1) for v in (x, y)]
    shown, shown_turned = (evaluate(module, x, *b, function="verify")[2:4] for b in (bits, turned))
    np.testing.assert_array_equal(shown[0], -shown_turned[0])
    assert ((shown[1] == 0) | (shown_turned[1] == 0)).all()
    assert (shown[1] - shown_turned[1]).any()


def grouped(emit, x, z):
    y = [convolution(emit, pack(emit, v), like=v, residual=v, relu=True) for v in (x, z)]
    half, ones = np.full(2, 0.5, np.float32), np.ones(2, np.float32)
    vectors = [make_constant(vector) for vector in (half, ones, half)]
    words = tensor_type((1, 8, 8, 1), "uint32")
    attributes = {
        "mixed": False,
        "floats": False,
        "packed": True,
        "packed_border": [1, 1],
        "packed_pad_value": 1,
    }
    made = emit(make_node(COMBINE, [*y, *vectors], attributes, words, words))
    return relax.Tuple([emit(relax.TupleGetItem(made, index)) for index in range(2)])


def test_a_group_shows_the_integers_of_every_branch(build_graph, evaluate):
    """Also where neither floats nor a sum are written."""
    module, groups = group_branches(build_graph({"x": (1, 6, 6, 5), "z": (1, 6, 6, 5)}, grouped))
    after, fired = add_verify(module)
    assert (groups, fired) == (1, 2)
    x, z = RNG.normal(size=(2, 1, 6, 6, 5)).astype(np.float32)
    bits = [pack_signs(x, (1, 1)), pack_signs(z, (1, 1))]
    own = evaluate(module, x, z)
    *signs, first, second, out_0, out_1 = evaluate(after, x, z, *bits, *own, function="verify")
    for got, expected in zip(signs, [*bits, *own], strict=True):
        np.testing.assert_array_equal(got, expected)
    for integers in (first, second):
        assert np.array_equal(integers, np.round(integers)) and (integers >= 0).all() and integers.any()
    # What is packed belongs to the next layer: its reader gets the bits that were handed in.
    np.testing.assert_array_equal(out_0, own[0])
    np.testing.assert_array_equal(out_1, own[1])
