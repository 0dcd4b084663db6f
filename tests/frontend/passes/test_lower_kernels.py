"""Nodes become calls of kernels; equal geometry is one kernel."""

import numpy as np
import pytest
import tvm
from tvm import relax

from frontend.nodes import FLOAT_CONV2D, make_constant, make_node, node_name, tensor_type
from frontend.normalisation import Normalisation
from frontend.passes.fold_normalisation import fold_normalisation, with_normalisation
from frontend.passes.lower_kernels import lower_kernels
from frontend.rewriter import straight_line
from tvm_schedules.naming import parse_kernel_name
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


@pytest.mark.parametrize(
    ("target_text", "channels", "op"),
    [
        ("znver4", 3, "pixel_conv2d"),
        ("arm64-dotprod", 3, "pixel_conv2d"),
        ("haswell", 3, "float_conv2d"),
        ("arm64", 3, "float_conv2d"),
        ("znver4", 1, "float_conv2d"),  # nine taps are three groups of three digits
    ],
)
def test_convolutions_of_images_multiply_bytes_where_it_pays(build_graph, target_text, channels, op):
    kernels = image_kernels(image_graph(build_graph, channels), resolve_target(target_text))
    assert [parse_kernel_name(name).op for name in kernels] == [op]


def test_floats_are_not_taken_for_pixels(build_graph):
    module = build_graph({"x": (1, 5, 5, 7)}, convolution)
    assert [parse_kernel_name(name).op for name in image_kernels(module, TARGET)] == ["float_conv2d"]


def test_a_convolution_of_an_image_keeps_its_numbers(build_graph, evaluate):
    module = image_graph(build_graph, 3)
    lowered, _ = lower_kernels(module, TARGET)
    image = RNG.integers(0, 256, (1, 9, 9, 3), np.uint8)
    vm = relax.VirtualMachine(tvm.compile(lowered, target=TARGET), tvm.cpu())
    np.testing.assert_allclose(
        vm["main"](tvm.runtime.tensor(image)).numpy(), evaluate(module, image)[0], rtol=1e-4, atol=1e-4
    )


def image_graph(build_graph, channels):
    """A graph with one convolution of a uint8 image, 64 channels wide."""

    def body(emit, x):
        weight = RNG.normal(size=(64, channels, 3, 3)).astype(np.float32)
        bias = RNG.normal(size=64).astype(np.float32)
        arguments = [x, make_constant(weight), make_constant(bias)]
        return emit(make_node(FLOAT_CONV2D, arguments, ATTRIBUTES, tensor_type((1, 9, 9, 64))))

    module = build_graph({"x": (1, 9, 9, channels)}, body)
    normalisation = Normalisation((0.47,) * channels, (0.25,) * channels)
    return fold_normalisation(with_normalisation(module, normalisation))[0]


def image_kernels(module, target):
    """Names of the kernels of a lowered graph."""
    lowered, _ = lower_kernels(module, target)
    return [v.name_hint for v, f in lowered.functions_items() if isinstance(f, tvm.tirx.PrimFunc)]
