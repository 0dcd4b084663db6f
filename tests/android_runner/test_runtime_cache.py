"""Cached folders appear whole or not at all, and are filled once however many ask."""

import multiprocessing
import time
from pathlib import Path

import pytest

from android_runner.runtime_cache import cached_folder, default_cache_dir

PROCESSES = 4
LIMIT_S = 30.0


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_a_folder_is_filled_once(tmp_path: Path) -> None:
    calls: list[Path] = []

    def fill(folder: Path) -> None:
        calls.append(folder)
        (folder / "file").write_text("contents")

    for _ in range(2):
        folder = cached_folder(tmp_path / "cache" / "key", fill)
        assert (folder / "file").read_text() == "contents"
    assert len(calls) == 1
    assert names(tmp_path / "cache") == ["key"]


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()])
def test_a_failed_filling_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    def fill(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise error

    with pytest.raises(type(error)):
        cached_folder(tmp_path / "key", fill)
    assert names(tmp_path) == []
    assert cached_folder(tmp_path / "key", lambda folder: (folder / "whole").touch()).is_dir()
    assert names(tmp_path / "key") == ["whole"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "key.abc123").mkdir()
    (tmp_path / "key.abc123" / "half").touch()
    cached_folder(tmp_path / "key", lambda folder: (folder / "whole").touch())
    assert names(tmp_path) == ["key"]


def count_and_wait(folder: Path) -> None:
    with (folder.parent / "fillings.lock").open("a") as log:
        log.write("filled\n")
    time.sleep(0.2)


def fill_in_process(folder: Path) -> None:
    cached_folder(folder, count_and_wait)


def test_concurrent_processes_fill_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=fill_in_process, args=(tmp_path / "key",)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(LIMIT_S)
        assert process.exitcode == 0
    assert (tmp_path / "fillings.lock").read_text() == "filled\n"
    assert names(tmp_path) == ["key"]


def test_the_cache_follows_the_xdg_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_dir() == tmp_path / "groupnet"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache_dir() == Path.home() / ".cache" / "groupnet"
