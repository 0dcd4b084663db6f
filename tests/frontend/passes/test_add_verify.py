"""`verify` shows the device's signs, every convolution's integers on the bits given, and the outputs."""

import numpy as np
from node_samples import RNG, convolution, pack
from tvm import relax

from frontend.passes.add_verify import add_verify
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
