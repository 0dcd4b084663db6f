"""Replayed searches see one measurement and are judged by another."""

import pytest

from android_runner.tuning.records import Conditions, Record
from benchmarks.errors import BenchmarkError
from benchmarks.replay import Table, gain_of_best, read_table, replay
from tvm_schedules.binary_conv2d import BinaryConv2dShape, BinaryEpilogue, fused_binary_conv2d_kernel
from tvm_schedules.targets import resolve_target
from tvm_schedules.tuning.request import KernelRequest, KernelTask, kernel_key, kernel_name
from tvm_schedules.tuning.spaces import kernel_space

TARGET = resolve_target("haswell")
CONDITIONS = Conditions(core="haswell", cpu="a processor", threads=1, tvm="0", groupnet="0")
SHAPE = BinaryConv2dShape(1, 14, 14, 64, 64, (3, 3), padding=(1, 1), border=(1, 1))
REQUEST = KernelRequest(fused_binary_conv2d_kernel, SHAPE, (("epilogue", BinaryEpilogue(relu=True)),))
KEY = kernel_key(kernel_name(REQUEST.build(TARGET)))
TASKS = [KernelTask(KEY, REQUEST, 3)]
SPACE = [str(choice) for choice in kernel_space(REQUEST, TARGET)]
LUCKY, GOOD = SPACE[3], SPACE[5]


def record(choice: str, seconds: float) -> Record:
    return Record(
        key=KEY,
        choice=choice,
        default=SPACE[0],
        outcome="ok",
        seconds=seconds,
        default_seconds=1.0,
        conditions=CONDITIONS,
    )


def times() -> Table:
    """One choice looks best by luck, another is."""
    seen = [record(choice, 0.9) for choice in SPACE[1:]]
    judged = [record(LUCKY, 1.2), record(GOOD, 0.8)]
    seen += [record(LUCKY, 0.7), record(GOOD, 0.75)]
    return read_table(seen, [*judged, judged[0].model_copy(update={"confirmed": True})])


def test_luck_is_no_gain() -> None:
    everything = len(SPACE) - 1
    assert replay(TASKS, TARGET, times(), CONDITIONS, [everything]) == [pytest.approx(0.2)]
    assert gain_of_best(TASKS, times()) == pytest.approx(0.2)


def test_gain_grows_with_trials_and_repeats_with_the_seed() -> None:
    budgets = [2, 8, len(SPACE) - 1]
    gains = replay(TASKS, TARGET, times(), CONDITIONS, budgets, seed=4)
    assert gains == sorted(gains)
    assert gains == replay(TASKS, TARGET, times(), CONDITIONS, budgets, seed=4)


def test_records_to_start_with_are_no_trials_again() -> None:
    known = [record(choice, 0.9) for choice in SPACE[1:] if choice != GOOD]
    assert replay(TASKS, TARGET, times(), CONDITIONS, [1], known=known) == [pytest.approx(0.2)]


def test_a_time_that_was_not_measured_is_asked_for() -> None:
    with pytest.raises(BenchmarkError, match="--measure"):
        times().answer(KEY, SPACE[0], judging=False)
