"""A kernel that goes wrong where it runs, as soon as a tile is chosen; shared with processes that measure."""

from typing import Any

import tvm

from android_runner.tuning.worker import Job
from tvm_schedules.binary_conv2d import BinaryConv2dShape, BinaryEpilogue, fused_binary_conv2d_kernel
from tvm_schedules.errors import KernelError
from tvm_schedules.targets import resolve_target
from tvm_schedules.tile import Tile
from tvm_schedules.tuning.request import KernelRequest
from tvm_schedules.tuning.spaces import kernel_space

SHAPE = BinaryConv2dShape(1, 3, 8, 32, 32, (1, 1))
EPILOGUE = BinaryEpilogue(relu=True)
TARGET = resolve_target("cortex-a53")
GOOD = KernelRequest(fused_binary_conv2d_kernel, SHAPE, (("epilogue", EPILOGUE),))
_C_FUNCTION = {"crash": "abort", "hang": "pause"}


def faulty(shape: Any, target: Any, *, fault: str, tile: Tile | None = None) -> Any:
    """Make the kernel, with the fault if a tile is chosen."""
    if tile is None:
        return fused_binary_conv2d_kernel(shape, target, EPILOGUE)
    if fault == "error":
        raise KernelError("expected another tile")
    if fault == "wrong":
        return fused_binary_conv2d_kernel(shape, target, BinaryEpilogue(relu=False), tile=tile)
    kernel = fused_binary_conv2d_kernel(shape, target, EPILOGUE, tile=tile)
    return kernel.with_body(tvm.tirx.Evaluate(tvm.tirx.call_extern("int32", _C_FUNCTION[fault])))


def job(fault: str = "", place: int = 1) -> Job:
    """A job whose kernel has a fault, or none."""
    request = KernelRequest(faulty, SHAPE, (("fault", fault),)) if fault else GOOD
    return Job(request, kernel_space(GOOD, TARGET)[place], str(TARGET), 1)
