"""Replayed searches see one measurement and are judged by another."""

from dataclasses import replace

import pytest

from android_runner.tuning.records import Conditions, Record
from benchmarks.errors import BenchmarkError
from benchmarks.replay import Setting, Table, finalists, gain_of_best, read_table, replay
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


def setting() -> Setting:
    """One choice looks best by luck, another is, and one of the space was never measured."""
    seen = [record(choice, 0.9) for choice in SPACE[2:]]
    judged = [record(choice, 0.9) for choice in SPACE[2:]]
    seen += [record(LUCKY, 0.7), record(GOOD, 0.75)]
    judged += [record(LUCKY, 1.2), record(GOOD, 0.8)]
    confirmed = judged[0].model_copy(update={"confirmed": True, "seconds": 0.1})
    return Setting(TASKS, TARGET, read_table(seen, [*judged, confirmed]), CONDITIONS)


def test_luck_is_no_gain() -> None:
    assert replay(setting(), [len(SPACE)]) == [pytest.approx(0.2)]
    assert gain_of_best(setting()) == pytest.approx(0.2)


def test_gain_repeats_with_the_seed() -> None:
    budgets = [2, 16]
    assert replay(setting(), budgets, seed=4) == replay(setting(), budgets, seed=4)


def test_records_to_start_with_are_no_trials_again() -> None:
    known = [record(choice, 0.9) for choice in SPACE[2:] if choice != GOOD]
    assert replay(setting(), [1], known) == [pytest.approx(0.2)]


def test_what_is_to_be_judged_is_known_before_anything_is() -> None:
    unjudged = replace(setting(), table=Table(setting().table.seen, {}))
    asked = finalists(unjudged, [len(SPACE)])
    assert {choice for _, choice in asked} >= {LUCKY, GOOD}
    with pytest.raises(BenchmarkError, match="--measure"):
        replay(unjudged, [len(SPACE)])
