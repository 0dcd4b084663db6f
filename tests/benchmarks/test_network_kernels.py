"""Kernels are classed, and their work is computed, from their names."""

import pytest

from benchmarks.errors import BenchmarkError
from benchmarks.layers import COUNTED_LAYERS, RESNET18_STAGES
from benchmarks.network_kernels import Net, NetworkKernel, kernel_class, kernel_macs, network_kernels
from benchmarks.network_names import parse_net
from models.complexity import complexity
from models.registry import build
from tvm_schedules.binary_conv2d import (
    BinaryConv2dShape,
    BinaryEpilogue,
    binary_conv2d_kernel,
    fused_binary_conv2d_kernel,
)
from tvm_schedules.bitserial_conv2d import BitserialConv2dShape, bitserial_conv2d_kernel
from tvm_schedules.float_conv2d import FloatConv2dShape, dense_kernel, float_conv2d_kernel
from tvm_schedules.grouped_conv2d import GroupedEpilogue, grouped_conv2d_kernel
from tvm_schedules.pack import PackShape, pack_kernel
from tvm_schedules.targets import resolve_target

_TARGET = resolve_target("cortex-a76")


@pytest.mark.parametrize("stride", [1, 2])
def test_binary_kernels_count_their_products(stride):
    shape = BinaryConv2dShape(1, 9, 7, 40, 24, (3, 1), (stride, stride), padding=(1, 0), border=(1, 1))
    kernel = NetworkKernel(binary_conv2d_kernel(shape, _TARGET, relu=True), calls=3)
    assert (kernel.kind, kernel.macs) == ("binary", shape.macs)


def test_branches_of_one_kernel_count_each():
    shape = BinaryConv2dShape(1, 6, 6, 32, 32, (3, 3), padding=(1, 1), border=(1, 1))
    branches = fused_binary_conv2d_kernel(shape, _TARGET, BinaryEpilogue(relu=True), branches=3)
    assert NetworkKernel(branches, calls=1).macs == 3 * shape.macs


def test_a_groups_branches_count_each_and_what_nobody_asks_for_has_no_bytes():
    shape = BinaryConv2dShape(1, 6, 6, 32, 32, (3, 3), padding=(1, 1), border=(1, 1))
    epilogue = GroupedEpilogue(True, False, True, False, None, False)
    kernel = NetworkKernel(grouped_conv2d_kernel(shape, _TARGET, epilogue, branches=3), calls=1)
    assert (kernel.kind, kernel.macs) == ("binary", 3 * shape.macs)
    words, weights, vectors, m = 3 * 8 * 8, 3 * 32 * 9, 2 * 3 * 32 + 3 * 3, 6 * 6 * 32
    assert kernel.tensor_bytes == 4 * (words + weights + vectors + m)


def test_a_networks_kernels_do_all_of_its_products():
    kernels = network_kernels(Net("groupnet_digits", 2), _TARGET)
    expected = complexity(build("groupnet_digits", bases=2), (1, 32, 32))
    macs = {kind: sum(k.macs * k.calls for k in kernels if k.kind == kind) for kind in ("binary", "float")}
    assert macs == {"binary": expected.binary_macs, "float": expected.float_macs}


def test_float_kernels_count_their_products_and_the_dense_layer_too():
    shape = FloatConv2dShape(1, 9, 7, 3, 24, (7, 7), (2, 2), padding=(3, 3))
    kernel = NetworkKernel(float_conv2d_kernel(shape, _TARGET, bias=True, relu=False), calls=1)
    assert (kernel.kind, kernel.macs) == ("float", shape.macs)
    dense = NetworkKernel(dense_kernel(2, 30, 10, _TARGET, bias=True, relu=False), calls=1)
    assert (dense.kind, dense.macs) == ("float", 600)


def test_bitserial_kernels_count_every_pair_of_bit_planes():
    shape = BitserialConv2dShape(
        1,
        8,
        8,
        32,
        64,
        (3, 3),
        padding=(1, 1),
        border=(1, 1),
        activation_bits=2,
        weight_bits=2,
        bipolar_weights=False,
    )
    kernel = NetworkKernel(bitserial_conv2d_kernel(shape, _TARGET, relu=True), calls=1)
    assert (kernel.kind, kernel.macs) == ("binary", 4 * 8 * 8 * 64 * 32 * 9)


def test_packing_is_glue_and_its_tensors_have_bytes():
    kernel = NetworkKernel(pack_kernel(PackShape(1, 4, 5, 33, border=(1, 1)), _TARGET), calls=1)
    assert (kernel.kind, kernel.macs) == ("glue", 0)
    assert kernel.tensor_bytes == 4 * (4 * 5 * 33 + 6 * 7 * 2)


def test_fused_functions_of_other_names_are_glue():
    assert (kernel_class("fused_add1_multiply"), kernel_macs("fused_add1_multiply")) == ("glue", 0)


def test_layers_are_the_ones_that_the_published_counts_are_of():
    assert [layer.name for layer in COUNTED_LAYERS] == ["16x16x64", "8x8x128", "8x8x256", "7x7x512"]
    assert COUNTED_LAYERS[0].m == 16 * 16 * 64 * 9 * 64 / 128
    assert {layer.macs for layer in RESNET18_STAGES} == {115_605_504}  # each stage halves and doubles


def test_nets_are_named_with_their_number_of_bases():
    assert parse_net("groupnet_resnet34:5").name == "groupnet_resnet34 K=5"
    for text in ("groupnet_resnet18", "groupnet_resnet18:", "groupnet_resnet18:0", "groupnet_resnet18:x"):
        with pytest.raises(BenchmarkError, match="expected ARCHITECTURE:K"):
            parse_net(text)
