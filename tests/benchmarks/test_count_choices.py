"""Choosing by what is executed: the least wins by a margin, and the record says how that was obtained."""

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from android_runner.tuning.records import Obtained
from benchmarks import count_choices
from benchmarks.count_choices import sampled
from benchmarks.estimate_cycles import CORES, mca_installed
from tvm_schedules.binary_conv2d import BinaryConv2dShape, BinaryEpilogue, fused_binary_conv2d_kernel
from tvm_schedules.targets import resolve_target
from tvm_schedules.tuning.choice import Choice
from tvm_schedules.tuning.request import KernelRequest, KernelTask, kernel_key, kernel_name
from tvm_schedules.tuning.spaces import kernel_space

CPU = "cortex-a76"
CORE = CORES[CPU]
TARGET = resolve_target(CPU)
REQUEST = KernelRequest(
    fused_binary_conv2d_kernel,
    BinaryConv2dShape(1, 4, 8, 64, 32, (3, 3), padding=(1, 1), border=(1, 1)),
    (("epilogue", BinaryEpilogue(relu=True)),),
)
TASK = KernelTask(kernel_key(kernel_name(REQUEST.build(TARGET))), REQUEST, 1)
SPACE = kernel_space(REQUEST, TARGET)


@pytest.mark.parametrize(
    ("obtained", "best", "wins"),
    [("counted", 98, True), ("counted", 99, False), ("estimated", 96, True), ("estimated", 97, False)],
)
def test_a_choice_wins_by_a_margin_only(
    monkeypatch: pytest.MonkeyPatch, obtained: Obtained, best: int, wins: bool
) -> None:
    other = sampled(SPACE[1:], 3)[1]

    def executed(
        _task: KernelTask, choices: list[Choice], *_: object
    ) -> tuple[dict[Choice, int], dict[Choice, int] | None]:
        decisive = {choice: best if choice == other else 200 for choice in choices} | {SPACE[0]: 100}
        # Where cycles are known, instructions decide nothing.
        return (decisive, None) if obtained == "counted" else (dict.fromkeys(choices, 7), decisive)

    monkeypatch.setattr(count_choices, "executed", executed)
    monkeypatch.setattr(count_choices, "mca_version", lambda: "19")
    record = count_choices.choose(TASK, TARGET, CORE, 3, obtained)
    assert record.choice == str(other if wins else SPACE[0])
    told = (record.instructions, record.default_instructions, record.cycles, record.default_cycles)
    won = best if wins else 100
    assert told == ((won, 100, None, None) if obtained == "counted" else (7, 7, won, 100))
    assert (record.obtained, record.seconds) == (obtained, None)
    assert record.confirmed and record.conditions.emulated and record.conditions.core == CPU


@pytest.mark.parametrize("obtained", ["counted", "estimated"])
def test_choices_are_really_executed(obtained: Obtained) -> None:
    if obtained == "estimated" and not mca_installed():
        pytest.skip("no llvm-mca-19: apt-get install llvm-19")
    instructions, cycles = count_choices.executed(TASK, SPACE[:2], TARGET, CORE, obtained)
    assert set(instructions) == set(SPACE[:2])
    m = 4 * 8 * 32 * 64 * 9 / 128
    # Three SIMD instructions, on two pipes, for each 128 products are the least that there is.
    assert all(count > 3 * m for count in instructions.values())
    if obtained == "estimated":
        assert cycles is not None and all(1.5 * m < count < 3 * m for count in cycles.values())
    else:
        assert cycles is None


def test_small_spaces_are_tried_whole() -> None:
    assert sorted(map(str, sampled(SPACE[1:], 10**6))) == sorted(map(str, SPACE[1:]))


def test_a_core_without_a_stand_in_is_refused(tmp_path: Path) -> None:
    command = typer.Typer()
    command.command()(count_choices.main)
    done = CliRunner().invoke(command, [str(tmp_path), "--cpu", "cortex-z1"])
    assert done.exit_code == 2
    assert "cortex-a53" in done.stderr and "cortex-z1" in done.stderr
