"""Features follow from a kernel's key and a choice, alike for every kind of kernel and instruction set."""

import math

import pytest
from kernels_to_tune import TARGET, task

from android_runner.tuning.features import features
from tvm_schedules.binary_conv2d import BinaryConv2dShape
from tvm_schedules.bitserial_conv2d import BitserialConv2dShape, bitserial_conv2d_kernel
from tvm_schedules.errors import KernelError
from tvm_schedules.float_conv2d import FloatConv2dShape, float_conv2d_kernel
from tvm_schedules.grouped_conv2d import GroupedEpilogue, grouped_conv2d_kernel
from tvm_schedules.packing import PackedOutput
from tvm_schedules.pixel_conv2d import pixel_conv2d_kernel
from tvm_schedules.pixel_weights import PixelConv2dShape
from tvm_schedules.targets import resolve_target
from tvm_schedules.tuning.choice import Choice, parse_choice
from tvm_schedules.tuning.request import KernelRequest, kernel_key, kernel_name
from tvm_schedules.tuning.spaces import kernel_space

SHAPE = BinaryConv2dShape(1, 14, 14, 64, 64, (3, 3), padding=(1, 1), border=(1, 1))
BITSERIAL = BitserialConv2dShape(
    1, 9, 9, 64, 64, (3, 3), activation_bits=2, weight_bits=1, bipolar_weights=True
)
PACKED = PackedOutput((1, 1), 1)
GROUPED = GroupedEpilogue(relu=True, residual=True, mixed=True, floats=False, packed=PACKED, in_place=False)
REQUESTS = [
    task(64).request,
    KernelRequest(
        float_conv2d_kernel, FloatConv2dShape(1, 9, 9, 3, 64, (3, 3)), (("bias", True), ("relu", True))
    ),
    KernelRequest(grouped_conv2d_kernel, SHAPE, (("epilogue", GROUPED), ("branches", 3))),
    KernelRequest(bitserial_conv2d_kernel, BITSERIAL, (("relu", False),)),
]


def test_there_are_as_many_for_every_kernel_and_they_are_finite() -> None:
    counts = set()
    for target in (TARGET, resolve_target("cortex-a76")):
        for request in REQUESTS:
            key = kernel_key(kernel_name(request.build(target)))
            for choice in kernel_space(request, target)[:9]:
                found = features(key, choice)
                assert all(math.isfinite(number) for number in found)
                counts.add(len(found))
    assert len(counts) == 1


def test_choices_of_one_kernel_are_told_apart() -> None:
    one = task(64)
    space = kernel_space(one.request, TARGET)
    assert len({features(one.key, choice) for choice in space}) == len(space)


def test_pixels_are_multiplied_in_steps_of_four_taps() -> None:
    a76 = resolve_target("cortex-a76")
    shape = PixelConv2dShape(1, 9, 9, 3, 64, (3, 3))
    request = KernelRequest(pixel_conv2d_kernel, shape, (("relu", True),))
    key = kernel_key(kernel_name(request.build(a76)))
    found = features(key, kernel_space(request, a76)[0])
    floats = features(kernel_key(kernel_name(REQUESTS[1].build(a76))), kernel_space(REQUESTS[1], a76)[0])
    assert len(found) == len(floats)
    assert 7.0 in found  # 27 taps


def test_branches_and_counters_are_seen() -> None:
    grouped = kernel_key(kernel_name(REQUESTS[2].build(TARGET)))
    plain = parse_choice("t1x2v1u1r4x4")
    assert features(grouped, plain) != features(grouped.replace("m3", "m5"), plain)
    a76 = resolve_target("cortex-a76")
    key = kernel_key(kernel_name(REQUESTS[0].build(a76)))
    counters: dict[object, Choice] = {one.tile.counter: one for one in kernel_space(REQUESTS[0], a76)}
    assert len(counters) == 2
    assert len({features(key, choice)[4] for choice in counters.values()}) == 2


@pytest.mark.parametrize("key", ["nonsense", "combine_f32f32_nhwc_n1h5w5c8__avx2"])
def test_what_is_no_convolution_is_refused(key: str) -> None:
    with pytest.raises(KernelError):
        features(key, parse_choice("t1x2v1u1"))
