"""Folders of records by command line."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from android_runner.tuning.records import Conditions, Database, Record
from groupnet import cli


def groupnet(*arguments: str | Path, code: int = 0) -> tuple[dict[str, Any], str]:
    done = CliRunner().invoke(cli.app, ["records", *(str(argument) for argument in arguments), "--json"])
    assert done.exit_code == code, done.stderr
    return json.loads(done.stdout), done.stderr


def add(
    folder: Path,
    choice: str,
    outcome: str = "ok",
    threads: int = 1,
    *,
    confirmed: bool = False,
    emulated: bool = False,
    obtained: str = "timed",
) -> None:
    versions = {"tvm": "0", "groupnet": "0"}
    conditions = Conditions(core="znver4", cpu="box", threads=threads, emulated=emulated, **versions)
    made = {"key": "k", "choice": choice, "default": "t1x1v1u2", "outcome": outcome, "conditions": conditions}
    Database(folder).add(Record.model_validate(made | {"confirmed": confirmed, "obtained": obtained}))


def test_counts_by_core_and_threads(tmp_path: Path) -> None:
    add(tmp_path, "t1x1v1u1")
    add(tmp_path, "t1x2v1u1", "crashed")
    add(tmp_path, "t1x1v1u1", confirmed=True)
    add(tmp_path, "t1x1v1u1", threads=2)
    add(tmp_path, "t1x1v1u1", emulated=True)
    add(tmp_path, "t1x1v1u1", emulated=True, confirmed=True, obtained="estimated")
    with (tmp_path / "znver4.jsonl").open("a") as file:
        file.write("torn")
    result, said = groupnet("list", tmp_path)
    one = {"core": "znver4", "threads": 1, "kernels": 1, "measured": 2, "failed": 1, "confirmed": 1}
    two = {"core": "znver4", "threads": 2, "kernels": 1, "measured": 1, "failed": 0, "confirmed": 0}
    timed = {"emulated": False, "obtained": "timed"}
    emulated = one | timed | {"emulated": True, "measured": 1, "failed": 0, "confirmed": 0}
    estimated = emulated | {"obtained": "estimated", "measured": 0, "confirmed": 1}
    assert result["cores"] == [timed | one, estimated, emulated, timed | two]
    assert "znver4.jsonl:7" in said
    shown = CliRunner().invoke(cli.app, ["records", "list", str(tmp_path)]).stdout
    assert shown.count("emulated: chooses nothing") == shown.count("estimated, not timed") == 1


def test_merging_says_how_many_were_new(tmp_path: Path) -> None:
    add(tmp_path / "a", "t1x1v1u1")
    add(tmp_path / "b", "t1x2v1u1")
    assert groupnet("merge", tmp_path / "into", tmp_path / "a", tmp_path / "b")[0]["added"] == 2
    assert groupnet("merge", tmp_path / "into", tmp_path / "a")[0]["added"] == 0


def test_what_is_exported_can_be_imported(tmp_path: Path) -> None:
    add(tmp_path / "a", "t1x1v1u1")
    add(tmp_path / "a", "t1x2v1u1", confirmed=True)
    add(tmp_path / "a", "t1x1v1u1", threads=2, confirmed=True)
    sent = tmp_path / "sent" / "all.jsonl"
    assert groupnet("export", tmp_path / "a", "--out", sent)[0]["records"] == 3
    assert groupnet("import", tmp_path / "b", sent)[0]["added"] == 3
    assert groupnet("import", tmp_path / "b", sent)[0]["added"] == 0
    assert Database(tmp_path / "b").read_all() == Database(tmp_path / "a").read_all()
    winners = tmp_path / "winners.jsonl"
    assert groupnet("export", tmp_path / "a", "--out", winners, "--winners")[0]["records"] == 2
    with sent.open("a") as file:
        file.write("torn\n")
    result, said = groupnet("import", tmp_path / "c", sent)
    assert result["added"] == 3 and "all.jsonl:4" in said


def test_what_cannot_be_exported_or_imported_is_an_error(tmp_path: Path) -> None:
    add(tmp_path / "a", "t1x1v1u1")
    out = tmp_path / "out.jsonl"
    answer, _ = groupnet("export", tmp_path / "a", "--out", out, "--core", "cortex-a76", code=2)
    assert "znver4; got 'cortex-a76'" in answer["error"]["message"]
    groupnet("export", tmp_path / "a", "--out", out, "--winners", code=2)
    groupnet("import", tmp_path / "b", out, code=2)
    assert not out.exists() and not (tmp_path / "b").exists()


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    for arguments in (("list", tmp_path / "none"), ("merge", tmp_path, tmp_path / "none")):
        assert groupnet(*arguments, code=2)[0]["error"]["type"] == "TuningError"
