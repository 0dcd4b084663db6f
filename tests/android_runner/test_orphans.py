"""Whose servers may be ended: those of processes of this machine that are gone, and those given up."""

import os
import subprocess

import pytest

from android_runner import orphans
from android_runner.orphans import abandon, is_orphan, owner_mark


def test_a_mark_is_one_word() -> None:
    assert len(owner_mark().split()) == 1


def test_a_server_of_this_process_is_kept_until_it_is_given_up() -> None:
    assert not is_orphan("server-1", owner_mark())
    abandon("server-1")
    assert is_orphan("server-1", owner_mark())
    assert not is_orphan("server-2", owner_mark())


def test_a_server_of_a_process_that_ended_is_an_orphan() -> None:
    place = owner_mark().rsplit("/", 2)[0]
    with subprocess.Popen(["true"]) as child:
        child.wait()
        assert is_orphan("server-3", f"{place}/{child.pid}/1")
    # The number is in use again, by a process that started at another time.
    assert is_orphan("server-3", f"{place}/{os.getpid()}/1")


@pytest.mark.parametrize("mark", ["", "elsewhere/1/1", "/", "x", "{place}", "{place}/1", "{place}/a/b"])
def test_of_others_nothing_is_known(mark: str) -> None:
    assert not is_orphan("server-4", mark.format(place=owner_mark().rsplit("/", 2)[0]))


def test_a_restart_of_this_machine_is_another_place(monkeypatch: pytest.MonkeyPatch) -> None:
    mark = f"{owner_mark().rsplit('/', 2)[0]}/1/1"
    assert is_orphan("server-5", mark)
    monkeypatch.setattr(orphans, "_place", lambda: "after the next boot")
    assert not is_orphan("server-5", mark)
