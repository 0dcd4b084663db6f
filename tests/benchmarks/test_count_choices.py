"""Choosing by counted instructions: the fewest win by a margin, and the record says what was counted."""

import pytest

from benchmarks import count_choices
from benchmarks.count_choices import sampled
from tvm_schedules.binary_conv2d import BinaryConv2dShape, BinaryEpilogue, fused_binary_conv2d_kernel
from tvm_schedules.targets import resolve_target
from tvm_schedules.tuning.choice import Choice
from tvm_schedules.tuning.request import KernelRequest, KernelTask, kernel_key, kernel_name
from tvm_schedules.tuning.spaces import kernel_space

CPU = "cortex-a76"
TARGET = resolve_target(CPU)
REQUEST = KernelRequest(
    fused_binary_conv2d_kernel,
    BinaryConv2dShape(1, 4, 8, 64, 32, (3, 3), padding=(1, 1), border=(1, 1)),
    (("epilogue", BinaryEpilogue(relu=True)),),
)
TASK = KernelTask(kernel_key(kernel_name(REQUEST.build(TARGET))), REQUEST, 1)
SPACE = kernel_space(REQUEST, TARGET)


@pytest.mark.parametrize(("best", "wins"), [(98, True), (99, False), (120, False)])
def test_a_choice_wins_by_a_margin_only(monkeypatch: pytest.MonkeyPatch, best: int, wins: bool) -> None:
    other = sampled(SPACE[1:], 3)[1]

    def counts(_task: KernelTask, choices: list[Choice], _target: object, _cpu: str) -> dict[Choice, int]:
        return {choice: best if choice == other else 200 for choice in choices} | {SPACE[0]: 100}

    monkeypatch.setattr(count_choices, "_counts", counts)
    record = count_choices.count_choices(TASK, TARGET, CPU, 3)
    assert record.choice == str(other if wins else SPACE[0])
    assert record.instructions == (best if wins else 100)
    assert (record.default_instructions, record.seconds, record.obtained) == (100, None, "counted")
    assert record.confirmed and record.conditions.emulated and record.conditions.core == CPU


def test_choices_are_really_counted() -> None:
    counted = count_choices._counts(TASK, SPACE[:2], TARGET, CPU)
    assert set(counted) == set(SPACE[:2])
    products = 4 * 8 * 32 * 64 * 9
    # Three SIMD instructions for each 128 products are the least that there is.
    assert all(count > 3 * products / 128 for count in counted.values())


def test_small_spaces_are_counted_whole() -> None:
    assert sorted(map(str, sampled(SPACE[1:], 10**6))) == sorted(map(str, SPACE[1:]))
