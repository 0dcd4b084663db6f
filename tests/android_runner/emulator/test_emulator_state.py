"""A phone's folder: where it is, who holds it, how it goes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from android_runner.emulator.errors import PhoneRunningError
from android_runner.emulator.processes import find_process
from android_runner.emulator.state import PhoneFolder, PhoneState, default_state_dir, phone_names


def test_the_default_place_follows_the_xdg_specification(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "/some/where")
    assert default_state_dir() == Path("/some/where/groupnet/emulator")
    # Relative paths are to be ignored.
    for value in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", value)
        assert default_state_dir() == tmp_path / ".cache/groupnet/emulator"


def test_what_is_saved_is_loaded_while_the_process_runs(tmp_path: Path) -> None:
    process = find_process(os.getpid())
    assert process is not None
    folder = PhoneFolder(tmp_path, "one")
    folder.path.mkdir()
    assert folder.load() is None
    state = PhoneState("max", 40000, process, True, None)
    folder.save(state)
    assert folder.load() == state
    assert [path.name for path in folder.path.iterdir()] == ["state.json"]


def test_a_held_phone_is_waited_for_and_then_given_up(tmp_path: Path) -> None:
    first, second = PhoneFolder(tmp_path, "one"), PhoneFolder(tmp_path, "one")
    with first.locked(timeout_s=1.0):
        with pytest.raises(PhoneRunningError, match="another process"), second.locked(timeout_s=0.0):
            pass
        with PhoneFolder(tmp_path, "two").locked(timeout_s=0.0):
            pass
    with second.locked(timeout_s=0.0):
        pass


def test_names_are_those_of_folders_that_could_be_phones(tmp_path: Path) -> None:
    assert phone_names(tmp_path / "none") == []
    for name in ("b", "a", ".hidden", "no phone"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").write_text("")
    assert phone_names(tmp_path) == ["a", "b"]


def test_folders_that_their_owner_may_not_write_to_are_removed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = PhoneFolder(tmp_path, "one")
    deep = folder.root / "data/deep"
    deep.mkdir(parents=True)
    (deep / "file").write_text("x")
    (deep / "link").symlink_to("/")
    deep.chmod(0o500)
    deep.parent.chmod(0o100)
    # The superuser is refused nothing, so that the refusal is put on.
    real, refusals = shutil.rmtree, [PermissionError()]

    def rmtree(path: Path) -> Any:
        if refusals:
            raise refusals.pop()
        return real(path)

    monkeypatch.setattr(shutil, "rmtree", rmtree)
    folder.remove()
    assert list(tmp_path.iterdir()) == []
    folder.remove()
