"""A short soak: every kind of fault was there, nothing stayed, and what is left would be noticed."""

from pathlib import Path

import pytest

from benchmarks.soak import run_soak
from benchmarks.soak_leaks import Leftovers, leftovers_here, wait_until_clean


@pytest.mark.phone
def test_a_short_soak_leaves_nothing(tmp_path: Path) -> None:
    told: list[str] = []
    tally = run_soak(6, 11, tmp_path, told.append)
    assert (tally.cycles, tally.leaks, tally.failed_without_fault) == (6, [], 0), told
    assert tally.faults.total() > 0 and tally.exact > 0
    assert tally.exact + tally.errors.total() == 6
    assert tally.at_end.beyond(tally.at_rest) == [] and len(tally.at_rest.phone) == 1  # the runtime
    assert {"threads", "open files", "on the phone"} <= set(tally.describe()["at_end"])


def test_more_than_before_is_a_leak() -> None:
    before = Leftovers((("threads", 1), ("open files", 5)), frozenset({"file runtime-1"}))
    later = Leftovers((("threads", 2), ("open files", 4)), frozenset({"file runtime-1", "process 7"}))
    assert later.beyond(before) == ["threads: 2 instead of 1", "on the phone: process 7"]
    assert before.beyond(before) == []


def test_what_goes_away_by_itself_is_no_leak() -> None:
    left = iter([Leftovers((("threads", 2),)), Leftovers((("threads", 1),))])
    assert wait_until_clean(lambda: next(left), Leftovers((("threads", 1),))) == []


def test_an_open_file_is_seen(tmp_path: Path) -> None:
    before = leftovers_here()
    with (tmp_path / "open").open("w"):
        assert any("open files" in leak for leak in leftovers_here().beyond(before))
