"""Every space starts with what its maker does by default."""

from typing import Any

import pytest

from tvm_schedules.binary_conv2d import BinaryConv2dShape, BinaryEpilogue, fused_binary_conv2d_kernel
from tvm_schedules.bitserial_conv2d import BitserialConv2dShape, bitserial_conv2d_kernel
from tvm_schedules.float_conv2d import FloatConv2dShape, float_conv2d_kernel
from tvm_schedules.grouped_conv2d import GroupedEpilogue, grouped_conv2d_kernel
from tvm_schedules.pack import PackShape, pack_kernel
from tvm_schedules.pixel_conv2d import pixel_conv2d_kernel
from tvm_schedules.pixel_weights import PixelConv2dShape
from tvm_schedules.targets import resolve_target
from tvm_schedules.tuning.request import KernelRequest, kernel_name
from tvm_schedules.tuning.spaces import kernel_space

PADDED: dict[str, Any] = {"kernel": (3, 3), "padding": (1, 1), "border": (1, 1)}
BITS: dict[str, Any] = {"activation_bits": 2, "weight_bits": 1, "bipolar_weights": True}
GROUPED = GroupedEpilogue(relu=True, residual=True, mixed=True, floats=False, packed=None, in_place=False)
BINARY = BinaryConv2dShape(1, 6, 5, 32, 32, **PADDED)
REQUESTS = {
    "binary": KernelRequest(fused_binary_conv2d_kernel, BINARY, (("epilogue", BinaryEpilogue(True)),)),
    "bitserial": KernelRequest(
        bitserial_conv2d_kernel, BitserialConv2dShape(1, 6, 5, 32, 32, **PADDED, **BITS), (("relu", True),)
    ),
    "float": KernelRequest(
        float_conv2d_kernel, FloatConv2dShape(1, 6, 5, 3, 32, (3, 3)), (("bias", True), ("relu", False))
    ),
    "grouped": KernelRequest(grouped_conv2d_kernel, BINARY, (("epilogue", GROUPED), ("branches", 2))),
}


PIXEL = KernelRequest(pixel_conv2d_kernel, PixelConv2dShape(1, 6, 5, 3, 32, (3, 3)), (("relu", True),))


@pytest.mark.parametrize("target", ["cortex-a76", "haswell"])
@pytest.mark.parametrize("kind", REQUESTS)
def test_the_default_comes_first_and_nothing_twice(kind: str, target: str) -> None:
    check_space(REQUESTS[kind], target)


@pytest.mark.parametrize("target", ["cortex-a76", "znver4"])
def test_the_space_of_a_convolution_of_pixels(target: str) -> None:
    check_space(PIXEL, target)


def check_space(request: KernelRequest, target: str) -> None:
    resolved = resolve_target(target)
    space = kernel_space(request, resolved)
    assert len(space) == len(set(space)) > 1
    default = kernel_name(request.build(resolved))
    assert kernel_name(request.build(resolved, space[0])) == default
    assert f"_{space[0]}__" in default
    assert f"_{space[-1]}__" in kernel_name(request.build(resolved, space[-1]))


def test_what_has_nothing_to_choose_has_no_space() -> None:
    request = KernelRequest(pack_kernel, PackShape(1, 4, 4, 32, (1, 1), 1), ())
    assert kernel_space(request, resolve_target("haswell")) == []
