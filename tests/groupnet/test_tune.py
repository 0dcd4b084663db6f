"""Tuning by command line: measured, resumed, compiled with, and verified against PyTorch."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from android_runner.emulator.phone import missing_requirements, start_phone, stop_phone
from android_runner.tuning.records import Database, best_records
from groupnet import cli, tuned_kernels
from groupnet.errors import TuningError
from groupnet.tune import parse_threads
from groupnet.tuned_kernels import core_of
from groupnet.tuning_device import core_target


def groupnet(*arguments: str | Path, code: int = 0) -> tuple[dict[str, Any], str]:
    """Run a verb with --json in this process; return its result and what it said beside it."""
    done = CliRunner().invoke(cli.app, [*(str(argument) for argument in arguments), "--json"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.stderr
    return json.loads(done.stdout), done.stderr


def test_tuned_kernels_are_built_and_still_exact(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuned_kernels, "SHIPPED", tmp_path / "none")  # they have all kernels of some machines
    records, made = tmp_path / "records", tmp_path / "digits.bundle"
    result, _ = groupnet("tune", "digits-k3", "--db", records, "--trials", "10")
    assert result["trials_measured"] == 10
    assert result["failures"] == []
    assert sum(kernel["measured"] for kernel in result["kernels"]) == 10
    winners = [kernel for kernel in result["kernels"] if kernel["choice"]]
    assert len(winners) == 2
    assert all(kernel["speedup"] >= 1 for kernel in winners)
    again, _ = groupnet("tune", "digits-k3", "--db", records, "--trials", "0")
    assert [kernel["tried"] for kernel in again["kernels"]] == [k["tried"] for k in result["kernels"]]
    _, said = groupnet("compile", "digits-k3", "--target", "host", "--db", records, "--out", made)
    assert f"2 of {len(result['kernels'])} tunable kernels built by a record" in said
    verified = groupnet("bench", made, "--runs", "1")[0]["verified"]
    assert verified["exact"]


@pytest.mark.phone
def test_an_emulated_phone_is_tuned_and_chooses_nothing(tmp_path: Path) -> None:
    if missing := missing_requirements():
        pytest.skip(" ".join(missing))
    name, records = f"tune-{os.getpid()}", tmp_path / "records"
    phone = start_phone(cpu="cortex-a76", name=name)
    try:
        device = ("--device", f"adb:{phone.serial}", "--cores", "big")
        result, said = groupnet("tune", "digits-k3", "--db", records, "--trials", "2", *device)
    finally:
        stop_phone(name)
    assert (result["trials_measured"], result["failures"]) == (2, [])
    assert (result["conditions"]["core"], result["conditions"]["emulated"]) == ("cortex-a76", True)
    assert "emulated, not a latency" in said
    counted, _ = groupnet("records", "list", records)
    assert [row["measured"] for row in counted["cores"]] == [2]
    assert best_records(Database(records).read("cortex-a76"), 1) == {}


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        (("--device", "toaster"), "NoSuchDeviceError", "adb:HOST:PORT"),
        (("--device", "host", "--cores", "big"), "TuningError", "taskset"),
        (("--threads", "1,x"), "TuningError", "'1,x'"),
        (("--threads", "0"), "TuningError", "'0'"),
        (("--threads", ""), "TuningError", "numbers such as 1,2"),
        (("--target", "cortex-a7x"), "TargetError", "cortex-a7x"),
    ],
)
def test_misuse_is_told_before_anything_slow(
    tmp_path: Path, options: tuple[str, ...], error: str, said: str
) -> None:
    answer, _ = groupnet("tune", "digits-k3", "--db", tmp_path, *options, code=2)
    assert answer["error"]["type"] == error
    assert said in answer["error"]["message"]


def test_a_core_that_llvm_does_not_know_needs_a_target() -> None:
    without_sve = '{"kind": "llvm", "mtriple": "aarch64-linux-gnu", "mcpu": "cortex-x2", "mattr": ["-sve"]}'
    assert core_of(core_target("Cortex-A76", "cortex-a76", None)) == "cortex-a76"
    assert core_of(core_target("Cortex-X2", without_sve, None)) == "cortex-x2"
    assert core_of(core_target("0x41/0xd99", "arm64-dotprod", "cortex-a55")) == "cortex-a55"
    with pytest.raises(TuningError, match="--target"):
        core_target("0x41/0xd99", "arm64-dotprod", None)
    with pytest.raises(TuningError, match="--target"):
        core_target("Cortex-A76", "cortex-z1", None)


def test_every_number_of_threads_is_tuned_once() -> None:
    assert parse_threads("1,2,1") == (1, 2)
