"""What records do to a compilation: winners are built, all else stays and is named."""

from pathlib import Path

import pytest

from android_runner.tuning.records import Conditions, Database, Record
from groupnet.errors import TuningError
from groupnet.tuned_kernels import TunedKernels, core_of, describe_use, tuned_kernels
from tvm_schedules.binary_conv2d import BinaryConv2dShape, BinaryEpilogue, fused_binary_conv2d_kernel
from tvm_schedules.pack import PackShape, pack_kernel
from tvm_schedules.targets import resolve_target
from tvm_schedules.tuning.request import KernelRequest, kernel_key, kernel_name
from tvm_schedules.tuning.spaces import kernel_space

TARGET = resolve_target("cortex-a53")
REQUEST = KernelRequest(
    fused_binary_conv2d_kernel,
    BinaryConv2dShape(1, 8, 8, 32, 32, (3, 3), padding=(1, 1), border=(1, 1)),
    (("epilogue", BinaryEpilogue(relu=True)),),
)
KEY = kernel_key(kernel_name(REQUEST.build(TARGET)))
PACK = KernelRequest(pack_kernel, PackShape(1, 4, 4, 32, (1, 1), 1), ())


DEFAULT = str(kernel_space(REQUEST, TARGET)[0])


def winner(choice: str, threads: int = 1, default: str = DEFAULT) -> Record:
    conditions = Conditions(core="cortex-a53", cpu="a phone", threads=threads, tvm="0", groupnet="0")
    times = {"seconds": 0.5, "default_seconds": 1.0}
    made = {"key": KEY, "choice": choice, "default": default, "outcome": "ok", "conditions": conditions}
    return Record(confirmed=True, **made, **times)


def test_the_winner_of_the_core_and_one_thread_is_built(tmp_path: Path) -> None:
    choices = kernel_space(REQUEST, TARGET)
    for record in (winner(str(choices[1])), winner(str(choices[2]), threads=2)):
        Database(tmp_path).add(record)
    kernels = tuned_kernels(tmp_path, TARGET, 1, pytest.fail)
    assert kernels(REQUEST, TARGET) == choices[1]
    assert (kernels.tuned, kernels.untuned) == ([KEY], [])
    other_core = tuned_kernels(tmp_path, resolve_target("cortex-a55"), 1, pytest.fail)
    assert other_core(REQUEST, TARGET) is None
    assert describe_use(other_core) == f"0 of 1 tunable kernels built by a record; no record of {KEY}"


def test_kernels_without_a_space_are_not_asked_about() -> None:
    kernels = TunedKernels({})
    assert kernels(PACK, TARGET) is None
    assert describe_use(kernels) == "0 of 0 tunable kernels built by a record"


def test_a_choice_that_is_no_longer_offered_counts_as_none() -> None:
    kernels = TunedKernels({KEY: winner("t9x9v9u9")})
    assert kernels(REQUEST, TARGET) is None
    assert kernels.untuned == [KEY]


def test_a_winner_over_another_default_counts_as_none() -> None:
    (_, choice, *_) = kernel_space(REQUEST, TARGET)
    assert TunedKernels({KEY: winner(str(choice))})(REQUEST, TARGET) == choice
    assert TunedKernels({KEY: winner(str(choice), default="t9x9v9u9")})(REQUEST, TARGET) is None


def test_unreadable_lines_are_told(tmp_path: Path) -> None:
    Database(tmp_path).add(winner("t1x1v1u1"))
    with (tmp_path / "cortex-a53.jsonl").open("a") as file:
        file.write("no record\n")
    told: list[str] = []
    tuned_kernels(tmp_path, TARGET, 1, told.append)
    assert told == [f"note: skipped an unreadable record at {tmp_path / 'cortex-a53.jsonl'}:2"]


def test_emulated_winners_are_not_used_which_is_told(tmp_path: Path) -> None:
    (_, choice, *_) = kernel_space(REQUEST, TARGET)
    one = winner(str(choice))
    emulated = one.conditions.model_copy(update={"emulated": True})
    Database(tmp_path).add(one.model_copy(update={"conditions": emulated}))
    told: list[str] = []
    kernels = tuned_kernels(tmp_path, TARGET, 1, told.append)
    assert kernels(REQUEST, TARGET) is None
    assert "1 records of emulated processors choose nothing" in told[0]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TuningError, match="groupnet tune"):
        tuned_kernels(tmp_path / "none", TARGET, 1, pytest.fail)


def test_a_target_without_a_core_has_records_of_its_own() -> None:
    assert core_of(TARGET) == "cortex-a53"
    assert core_of(resolve_target('{"kind": "llvm", "mtriple": "aarch64-linux-gnu"}')) == "generic"
