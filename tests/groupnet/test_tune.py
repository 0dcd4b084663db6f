"""Tuning by command line: measured, resumed, compiled with, and verified against PyTorch."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from groupnet import cli


def groupnet(*arguments: str | Path, code: int = 0) -> tuple[dict[str, Any], str]:
    """Run a verb with --json in this process; return its result and what it said beside it."""
    done = CliRunner().invoke(cli.app, [*(str(argument) for argument in arguments), "--json"])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.stderr
    return json.loads(done.stdout), done.stderr


def test_tuned_kernels_are_built_and_still_exact(tmp_path: Path) -> None:
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


def test_other_devices_are_refused(tmp_path: Path) -> None:
    answer, _ = groupnet("tune", "digits-k3", "--db", tmp_path, "--device", "emulator", code=2)
    assert answer["error"]["type"] == "TuningError"
