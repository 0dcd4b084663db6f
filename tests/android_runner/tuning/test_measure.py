"""Choices are compared with the default byte for byte before they are timed."""

from typing import Any

import pytest

from android_runner.tuning.measure import Bench, WrongNumbersError
from android_runner.tuning.place import HostPlace
from tvm_schedules.binary_conv2d import BinaryConv2dShape, BinaryEpilogue, fused_binary_conv2d_kernel
from tvm_schedules.float_conv2d import FloatConv2dShape, float_conv2d_kernel
from tvm_schedules.grouped_conv2d import GroupedEpilogue, grouped_conv2d_kernel
from tvm_schedules.packing import PackedOutput
from tvm_schedules.pixel_conv2d import pixel_conv2d_kernel
from tvm_schedules.pixel_weights import PixelConv2dShape, pixel_registers
from tvm_schedules.targets import resolve_target
from tvm_schedules.tuning.request import KernelRequest
from tvm_schedules.tuning.spaces import kernel_space

# 33 channels leave filler bits in the last word.
SHAPE = BinaryConv2dShape(1, 5, 6, 33, 40, (3, 3), padding=(1, 1), border=(1, 1))
SIGNS = PackedOutput((1, 1), 1)
IN_PLACE = BinaryEpilogue(relu=True, residual=True, packed=SIGNS, in_place=True)
GROUPED = GroupedEpilogue(relu=True, residual=True, mixed=True, floats=False, packed=SIGNS, in_place=False)
REQUESTS = {
    "binary": KernelRequest(fused_binary_conv2d_kernel, SHAPE, (("epilogue", IN_PLACE),)),
    "float": KernelRequest(
        float_conv2d_kernel,
        FloatConv2dShape(1, 5, 6, 3, 24, (3, 3), padding=(1, 1)),
        (("bias", True), ("relu", True), ("pixels", True)),
    ),
    "grouped": KernelRequest(grouped_conv2d_kernel, SHAPE, (("epilogue", GROUPED), ("branches", 2))),
}


def other_function(shape: Any, target: Any, *, tile: Any = None) -> Any:
    """A maker that computes something else as soon as a tile is chosen."""
    return fused_binary_conv2d_kernel(shape, target, BinaryEpilogue(relu=tile is None), tile=tile)


@pytest.mark.parametrize("kind", REQUESTS)
def test_every_kind_of_kernel_is_exact_and_timed(kind: str) -> None:
    target = resolve_target("host")
    bench = Bench(REQUESTS[kind], target, HostPlace())
    space = kernel_space(REQUESTS[kind], target)
    for choice in (space[0], space[1], space[-1]):
        times = bench.measure(choice, rounds=1)
        assert times.seconds > 0
        assert times.default_seconds > 0


@pytest.mark.skipif(pixel_registers(resolve_target("host")) is None, reason="no byte dot product here")
def test_what_lies_behind_the_last_tap_is_no_difference() -> None:
    target = resolve_target("host")
    # 27 taps: the last group of four has room for one more.
    shape = PixelConv2dShape(1, 9, 7, 3, 24, (3, 3), padding=(1, 1))
    request = KernelRequest(pixel_conv2d_kernel, shape, (("relu", False),))
    bench = Bench(request, target, HostPlace())
    for choice in kernel_space(request, target):
        assert bench.measure(choice, rounds=1).seconds > 0


def test_other_numbers_are_refused() -> None:
    target = resolve_target("host")
    request = KernelRequest(other_function, SHAPE, ())
    (choice, *_) = kernel_space(REQUESTS["binary"], target)
    with pytest.raises(WrongNumbersError, match=r"of `out"):
        Bench(request, target, HostPlace()).measure(choice, rounds=1)
