"""What records do to a compilation: winners are built, all else stays and is named."""

from pathlib import Path

import pytest

from android_runner.tuning.records import Conditions, Database, Record
from groupnet.errors import TuningError
from groupnet.tuned_kernels import SHIPPED, TunedKernels, chosen_kernels, core_of, describe_use, tuned_kernels
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
    assert (
        describe_use(other_core, tmp_path) == f"0 of 1 tunable kernels built by a record; no record of {KEY}"
    )


def test_kernels_without_a_space_are_not_asked_about() -> None:
    kernels = TunedKernels({})
    assert kernels(PACK, TARGET) is None
    assert describe_use(kernels, None) == "0 of 0 tunable kernels built by a record"


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


def test_counted_winners_choose_until_something_was_timed(tmp_path: Path) -> None:
    (_, first, second, *_) = kernel_space(REQUEST, TARGET)
    timed = winner(str(second))
    emulated = timed.conditions.model_copy(update={"emulated": True})
    counted = timed.model_copy(
        update={
            "choice": str(first),
            "obtained": "counted",
            "conditions": emulated,
            "seconds": None,
            "default_seconds": None,
            "instructions": 90,
            "default_instructions": 100,
        }
    )
    Database(tmp_path).add(counted)
    assert tuned_kernels(tmp_path, TARGET, 1, pytest.fail)(REQUEST, TARGET) == first
    Database(tmp_path).add(timed)
    Database(tmp_path).add(counted)
    assert tuned_kernels(tmp_path, TARGET, 1, pytest.fail)(REQUEST, TARGET) == second


def test_shipped_records_choose_unless_the_users_or_none_shall(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (_, first, second, *_) = kernel_space(REQUEST, TARGET)
    Database(tmp_path / "shipped").add(winner(str(first)))
    monkeypatch.setattr("groupnet.tuned_kernels.SHIPPED", tmp_path / "shipped")

    def chosen(folder: Path | None, *, untuned: bool) -> TunedKernels | None:
        return chosen_kernels(folder, untuned=untuned, target=TARGET, threads=1, say=pytest.fail)

    shipped = chosen(None, untuned=False)
    assert shipped is not None and shipped(REQUEST, TARGET) == first
    (tmp_path / "mine").mkdir()
    still = chosen(tmp_path / "mine", untuned=False)
    assert still is not None and still(REQUEST, TARGET) == first
    Database(tmp_path / "mine").add(winner(str(second)))
    mine = chosen(tmp_path / "mine", untuned=False)
    assert mine is not None and mine(REQUEST, TARGET) == second
    assert chosen(None, untuned=True) is None
    with pytest.raises(TuningError, match="leave out one"):
        chosen(tmp_path / "mine", untuned=True)


def test_what_is_shipped_can_be_read_and_chooses() -> None:
    database = Database(SHIPPED)
    for core in database.cores():
        records = database.read(core)
        assert not database.skipped
        assert records and all(
            record.confirmed and (record.ratio or record.cycles or record.instructions) for record in records
        )
