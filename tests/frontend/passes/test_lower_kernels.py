"""Nodes become calls of kernels; equal geometry is one kernel."""

import numpy as np
import tvm
from tvm import relax

from frontend.nodes import FLOAT_CONV2D, make_constant, make_node, node_name, tensor_type
from frontend.passes.lower_kernels import lower_kernels
from frontend.rewriter import straight_line
from tvm_schedules.targets import resolve_target

TARGET = resolve_target("host")
RNG = np.random.default_rng(0)
ATTRIBUTES = {"stride": [1, 1], "padding": [1, 1], "dilation": [1, 1], "relu": True}


def convolution(emit, x, relu=True):
    weight, bias = RNG.normal(size=(7, 7, 3, 3)).astype(np.float32), RNG.normal(size=7).astype(np.float32)
    arguments = [x, make_constant(weight), make_constant(bias)]
    return emit(make_node(FLOAT_CONV2D, arguments, ATTRIBUTES | {"relu": relu}, tensor_type((1, 5, 5, 7))))


def test_equal_geometry_shares_a_kernel_and_numbers_stay(build_graph, evaluate):
    module = build_graph(
        {"x": (1, 5, 5, 7)}, lambda emit, x: convolution(emit, convolution(emit, convolution(emit, x), False))
    )
    lowered, fired = lower_kernels(module, TARGET)
    assert fired == 3
    kernels = [f for _, f in lowered.functions_items() if isinstance(f, tvm.tirx.PrimFunc)]
    assert len(kernels) == 2  # with ReLU and without
    assert not [b for b in straight_line(lowered["main"]) if node_name(b.value)]
    x = RNG.normal(size=(1, 5, 5, 7)).astype(np.float32)
    vm = relax.VirtualMachine(tvm.compile(lowered, target=TARGET), tvm.cpu())
    # float32 sums of 63 products in another order, three layers deep.
    np.testing.assert_allclose(
        vm["main"](tvm.runtime.tensor(x)).numpy(), evaluate(module, x)[0], rtol=1e-4, atol=1e-3
    )
