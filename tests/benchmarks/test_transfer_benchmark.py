"""Rows of the transfer benchmark, and what a search may start with."""

from pathlib import Path

import pytest

from android_runner.tuning.records import Conditions, Database, Record
from benchmarks.transfer import BUDGETS, curve_rows, known_records
from benchmarks.transfer_table import sampled
from tvm_schedules.tuning.choice import parse_choice

CONDITIONS = Conditions(core="znver4", cpu="a processor", threads=1, tvm="0", groupnet="0")


def record(key: str, choice: str, ratio: float) -> Record:
    return Record(
        key=key,
        choice=choice,
        default="t1x1v1u1",
        outcome="ok",
        seconds=ratio,
        default_seconds=1.0,
        conditions=CONDITIONS,
    )


def test_shares_are_of_the_full_cold_search() -> None:
    cold = [[0.0] * (len(BUDGETS) - 1) + [full] for full in (0.02, 0.04, 0.06)]
    rows = curve_rows("net", {"cold": cold, "warm": [[0.03] * len(BUDGETS)]}, 0.08)
    last, first = rows[len(BUDGETS) - 1], rows[len(BUDGETS)]
    assert (last["engine"], last["trials"], last["gain"], last["of_full"]) == ("cold", 512, 0.04, 1.0)
    assert (last["lowest"], last["highest"], last["seeds"]) == (0.02, 0.06, 3)
    assert (first["engine"], first["trials"]) == ("warm", BUDGETS[0])
    assert first["of_full"] == pytest.approx(0.75)


def test_a_search_never_starts_with_records_of_what_it_tunes(tmp_path: Path) -> None:
    for key in ("known", "tuned"):
        Database(tmp_path / "other").add(record(key, "t1x2v1u1", 0.5))
    assert [one.key for one in known_records(tmp_path, ["other"], {"tuned"})] == ["known"]
    assert known_records(tmp_path, [], set()) == []


def test_the_same_choices_are_drawn_every_time() -> None:
    space = [parse_choice(f"t1x{columns}v1u1") for columns in range(1, 20)]
    assert sampled(space, 5) == sampled(space, 5)
    assert len(set(sampled(space, 5))) == 5
    assert sampled(space, 100) != space[1:]
    assert set(sampled(space, 100)) == set(space[1:])
