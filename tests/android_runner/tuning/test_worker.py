"""A measuring process that dies or hangs costs its time limit, and the next measurement has a new one."""

import os
import signal
import time
from typing import Any

from android_runner.tuning.worker import Job, Worker
from tvm_schedules.binary_conv2d import BinaryConv2dShape, BinaryEpilogue, fused_binary_conv2d_kernel
from tvm_schedules.errors import KernelError
from tvm_schedules.targets import resolve_target
from tvm_schedules.tile import Tile
from tvm_schedules.tuning.choice import Choice
from tvm_schedules.tuning.request import KernelRequest
from tvm_schedules.tuning.spaces import kernel_space

SHAPE = BinaryConv2dShape(1, 3, 8, 32, 32, (1, 1))


def faulty(shape: Any, target: Any, *, fault: str, tile: Tile | None = None) -> Any:
    """A maker with a fault that shows as soon as a tile is chosen."""
    if tile is not None:
        match fault:
            case "kill":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "hang":
                time.sleep(60)
            case "error":
                raise KernelError("expected another tile;\n got this one")
    relu = tile is None or fault != "wrong"
    return fused_binary_conv2d_kernel(shape, target, BinaryEpilogue(relu), tile=tile)


def test_faults_are_outcomes_and_the_next_measurement_works() -> None:
    target = resolve_target("host")
    good = KernelRequest(faulty, SHAPE, (("fault", "none"),))
    choice = kernel_space(KernelRequest(fused_binary_conv2d_kernel, SHAPE, ()), target)[1]
    expected = {
        "kill": ("crashed", "SIGSEGV"),
        "wrong": ("wrong", "differ"),
        "error": ("failed", "KernelError: expected another tile; got this one"),
    }
    with Worker(threads=1, limit_s=60) as worker:
        for fault, (outcome, reason) in expected.items():
            answer = worker.measure(_job(fault, choice, str(target)))
            assert answer.outcome == outcome
            assert reason in answer.reason
            assert answer.seconds is None
        answer = worker.measure(Job(good, choice, str(target), 1))
        assert (answer.outcome, answer.reason) == ("ok", "")
        assert answer.seconds and answer.default_seconds


def test_a_hanging_kernel_is_ended() -> None:
    target = resolve_target("host")
    choice = Choice(Tile(1, 1, 1, 1))
    with Worker(threads=1, limit_s=2) as worker:
        answer = worker.measure(_job("hang", choice, str(target)))
    assert answer.outcome == "timeout"
    assert "2 s" in answer.reason


def _job(fault: str, choice: Choice, target: str) -> Job:
    return Job(KernelRequest(faulty, SHAPE, (("fault", fault),)), choice, target, 1)


def test_stopping_twice_is_no_fault() -> None:
    worker = Worker(threads=1, limit_s=1)
    worker.stop()
    worker.stop()


def test_threads_are_set_before_tvm_is_loaded() -> None:
    threads = 2
    target = resolve_target("host")
    request = KernelRequest(count_threads, SHAPE, (("threads", threads),))
    choice = kernel_space(KernelRequest(fused_binary_conv2d_kernel, SHAPE, ()), target)[1]
    with Worker(threads=threads, limit_s=60) as worker:
        assert worker.measure(Job(request, choice, str(target), 1)).outcome == "ok"


def count_threads(shape: Any, target: Any, *, threads: int, tile: Tile | None = None) -> Any:
    """A maker that refuses to work with another number of threads than it is told."""
    if os.environ["TVM_NUM_THREADS"] != str(threads):
        raise KernelError("expected other threads")
    return fused_binary_conv2d_kernel(shape, target, BinaryEpilogue(relu=True), tile=tile)
