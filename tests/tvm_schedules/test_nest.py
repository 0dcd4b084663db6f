"""The shared nest touches no output past the last channel."""

import numpy as np
import pytest
import tvm
from kernel_harness import kernel_name, runnable_targets

from tvm_schedules.binary_conv2d import BinaryConv2dShape, binary_conv2d_kernel, pack_weights
from tvm_schedules.reference import binary_conv2d_reference
from tvm_schedules.targets import resolve_target
from tvm_schedules.words import pack_signs


@pytest.mark.parametrize("target_text", runnable_targets())
def test_memory_past_the_last_channel_stays_untouched(target_text):
    target = resolve_target(target_text)
    shape = BinaryConv2dShape(1, 2, 3, 32, 21, (1, 1))
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((1, 2, 3, 32)), rng.standard_normal((21, 32, 1, 1))
    func = binary_conv2d_kernel(shape, target, relu=False)
    size = int(np.prod(shape.out_shape))
    memory = np.full(size + 64 + 16, 123.0, np.float32)
    start = -memory.ctypes.data % 64 // 4  # TVM asks for tensors aligned to 64 bytes
    out = memory[start : start + size].reshape(shape.out_shape)
    parameters = (np.ones(21, np.float32), np.zeros(21, np.float32))
    operands = (pack_signs(x), pack_weights(weight, target), *parameters)
    tvm.compile(func, target=target)[kernel_name(func)](
        *(tvm.runtime.tensor(operand) for operand in operands), tvm.runtime.from_dlpack(out)
    )
    np.testing.assert_array_equal(out, binary_conv2d_reference(x, weight))
    assert (memory[:start] == 123).all()
    assert (memory[start + size :] == 123).all()
