"""Float kernels that are timed compute what they should, and bounds are the larger of two times."""

import numpy as np
import pytest

from android_runner.devices import open_device
from benchmarks.float_kernels import CHAIN, chains, function_name, row
from benchmarks.float_layers import CONVOLUTIONS, PIXELS_OF, FloatKernel, float_kernels
from benchmarks.interleave import Samples
from frontend.build import build_library, plan_memory
from tvm_schedules.float_conv2d import FloatConv2dShape, float_conv2d_kernel, pack_float_weights
from tvm_schedules.reference import float_conv2d_reference
from tvm_schedules.targets import resolve_target

TARGET = resolve_target("host")


def test_a_chain_gives_what_its_kernel_does(tmp_path):
    rng = np.random.default_rng(0)
    shape = FloatConv2dShape(1, 5, 6, 3, 20, (3, 3), (1, 1), (1, 1))
    weight = rng.normal(size=(20, 3, 3, 3)).astype(np.float32)
    x, bias = rng.normal(size=shape.in_shape).astype(np.float32), np.ones(20, np.float32)
    function = float_conv2d_kernel(shape, TARGET, bias=True, relu=True)
    kernel = FloatKernel("small", function, (x, pack_float_weights(weight, TARGET), bias), shape.macs)
    build_library(plan_memory(chains([kernel])), TARGET, tmp_path / "kernels.so")
    with open_device("host").session() as session:
        module = session.load(tmp_path / "kernels.so")
        (actual,) = module.run(function_name(0), kernel.inputs)
    expected = float_conv2d_reference(x, weight, (1, 1), (1, 1), (1, 1), bias, relu=True)
    np.testing.assert_allclose(actual, expected, rtol=1e-5, atol=1e-5)


def test_every_float_layer_has_a_row():
    kernels = float_kernels(TARGET)
    names = [kernel.name for kernel in kernels]
    assert len(set(names)) == len(names) == len(CONVOLUTIONS) + 6
    by_name = {kernel.name: kernel for kernel in kernels}
    assert by_name[f"{PIXELS_OF}, uint8"].inputs[0].dtype == np.uint8
    assert by_name[PIXELS_OF].macs == 112 * 112 * 64 * 7 * 7 * 3
    pool = next(kernel for kernel in kernels if kernel.name.startswith("max pool"))
    assert (pool.macs, pool.tensor_bytes) == (0, 4 * 64 * (112 * 112 + 56 * 56 + 2))


@pytest.mark.parametrize(("macs_s", "bound", "bound_ms"), [(1e9, "products", 0.5), (1e12, "bytes", 0.3)])
def test_the_bound_is_the_larger_of_two_times(macs_s, bound, bound_ms):
    class Layer:
        name, macs, tensor_bytes = "layer", 500_000, 300_000

    run = Samples((1.0 * CHAIN, 2.0 * CHAIN, 3.0 * CHAIN))
    result = row(Layer(), 1, run, macs_s, 1e9, fma_s=2 * macs_s)
    assert (result["min_ms"], result["median_ms"]) == (1.0, 2.0)
    assert (result["bound"], result["bound_ms"], result["ratio"]) == (bound, bound_ms, 1 / bound_ms)
    assert result["of_fma_peak"] == pytest.approx(500_000 / (2 * macs_s) * 1e3)
