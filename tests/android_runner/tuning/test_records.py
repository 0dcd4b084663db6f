"""Records survive torn lines, other writers and merging."""

import json
import multiprocessing
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import permutations
from pathlib import Path

import pytest

from android_runner.errors import RecordsError
from android_runner.tuning.device_state import DeviceState
from android_runner.tuning.records import Conditions, Database, Record, best_records

CONDITIONS = Conditions(core="znver4", cpu="a processor", threads=1, tvm="0", groupnet="0")


def record(key: str = "k", choice: str = "t1x1v1u1", ratio: float = 0.5, **more: object) -> Record:
    given = {"seconds": ratio, "default_seconds": 1.0, "outcome": "ok", "conditions": CONDITIONS} | more
    return Record.model_validate({"key": key, "choice": choice, "default": "t1x1v1u2"} | given)


def test_records_come_back_in_order(tmp_path: Path) -> None:
    written = [record(), record(choice="t1x2v1u1"), record(outcome="timeout", seconds=None, reason="slow")]
    for one in written:
        Database(tmp_path / "new").add(one)
    database = Database(tmp_path / "new")
    assert database.read("znver4") == written
    assert database.cores() == ["znver4"]
    assert database.read("cortex-a53") == []


def test_unreadable_lines_are_named_and_the_rest_used(tmp_path: Path) -> None:
    database = Database(tmp_path)
    database.add(record())
    path = tmp_path / "znver4.jsonl"
    with path.open("ab") as file:
        file.write(b'{"key": "torn')
    database.add(record(choice="t1x2v1u1"))
    with path.open("ab") as file:
        file.write(b'\xff\xfe\n{"schema_version": 2}\n\n')
    assert [one.choice for one in database.read("znver4")] == ["t1x1v1u1", "t1x2v1u1"]
    assert database.skipped == [f"{path}:{number}" for number in (2, 4, 5)]


def _add_many(folder: Path, key: str) -> None:
    for number in range(100):
        Database(folder).add(record(key, f"t1x{number + 1}v1u1"))


def test_two_tuners_on_one_database_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_add_many, args=(tmp_path, key)) for key in ("a", "b")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)
    database = Database(tmp_path)
    assert len(set(database.read("znver4"))) == 200
    assert database.skipped == []


def test_merging_adds_what_is_missing_and_nothing_twice(tmp_path: Path) -> None:
    ours, theirs = Database(tmp_path / "ours"), Database(tmp_path / "theirs")
    ours.add(record("a"))
    theirs.add(record("a"))
    theirs.add(record("b"))
    assert ours.merge(theirs) == 1
    assert ours.merge(theirs) == 0
    assert [one.key for one in ours.read("znver4")] == ["a", "b"]


def test_only_confirmed_records_of_the_threads_win_and_the_last_of_them() -> None:
    two_threads = CONDITIONS.model_copy(update={"threads": 2})
    records = [
        record(ratio=0.1),
        record(ratio=0.2, confirmed=True, conditions=two_threads),
        record(choice="t1x2v1u1", ratio=0.7, confirmed=True),
        record(choice="t1x3v1u1", ratio=0.8, confirmed=True),
    ]
    assert best_records(records, 1) == {"k": records[3]}
    assert records[3].ratio == 0.8
    assert record(outcome="wrong", seconds=None).ratio is None


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """As a full disk: a write is cut short at a size, and the next one refused."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("space", [0, 20])
def test_a_full_disk_loses_nothing_and_is_named(tmp_path: Path, space: int) -> None:
    database, path = Database(tmp_path), tmp_path / "znver4.jsonl"
    database.add(record())
    before = path.read_bytes()
    with no_file_larger_than(len(before) + space), pytest.raises(RecordsError, match="make space"):
        database.add(record(choice="t1x2v1u1"))
    assert path.read_bytes() == before
    database.add(record(choice="t1x2v1u1"))
    assert len(database.read("znver4")) == 2
    assert database.skipped == []


def test_emulated_times_choose_nothing() -> None:
    emulated = CONDITIONS.model_copy(update={"emulated": True})
    real, faster = record(ratio=0.9, confirmed=True), record(confirmed=True, conditions=emulated)
    assert best_records([real, faster], 1) == {"k": real}
    assert best_records([faster], 1) == {}


def test_what_was_obtained_in_a_better_way_chooses_and_of_equals_the_last() -> None:
    emulated = CONDITIONS.model_copy(update={"emulated": True})
    made = {"seconds": None, "default_seconds": None, "conditions": emulated, "confirmed": True}
    counted = record(choice="t1x2v1u1", obtained="counted", instructions=1, **made)
    estimated = record(choice="t1x3v1u1", obtained="estimated", cycles=9, **made)
    again = record(choice="t1x4v1u1", obtained="estimated", cycles=8, **made)
    timed = record(choice="t1x5v1u1", confirmed=True)
    for order in permutations((counted, estimated, timed)):
        assert best_records(order, 1) == {"k": timed}
    for order in permutations((counted, estimated)):
        assert best_records(order, 1) == {"k": estimated}
    assert best_records([estimated, counted, again], 1) == {"k": again}


def test_a_phones_state_is_kept_and_older_records_are_read(tmp_path: Path) -> None:
    one = record(device=DeviceState(phone="abc", cores=(4, 5), battery_celsius=31.5, cooled_s=5.0))
    database = Database(tmp_path)
    database.add(one)
    older = record().model_dump(mode="json")
    del older["device"], older["conditions"]["emulated"]
    with (tmp_path / "znver4.jsonl").open("a") as file:
        file.write(f"{json.dumps(older)}\n")
    assert database.read("znver4") == [one, record()]
