"""A folder is replaced whole or not at all: errors, Ctrl-C, a full disk and a killed process."""

import errno
import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from groupnet import replace_folder
from groupnet.errors import OutputFolderError

WRITE_AND_WAIT = """
import sys, time
from pathlib import Path
from groupnet.replace_folder import replace_folder
with replace_folder(Path(sys.argv[1]), is_ours=lambda _: True, what="ours") as folder:
    (folder / "mark").write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""


def is_ours(path: Path) -> bool:
    return (path / "mark").is_file()


def replacing(out: Path) -> AbstractContextManager[Path]:
    return replace_folder.replace_folder(out, is_ours=is_ours, what="one of ours")


def write(out: Path, content: str) -> None:
    with replacing(out) as folder:
        (folder / "mark").write_text(content)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_new_replaced_and_inside_missing_folders(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    for content in ("first", "second"):
        write(out, content)
        assert (out / "mark").read_text() == content
    assert names(out.parent) == ["out"]


def test_the_former_folder_stays_until_the_end(tmp_path: Path) -> None:
    write(tmp_path / "out", "first")
    with replacing(tmp_path / "out") as folder:
        (folder / "mark").write_text("second")
        assert (tmp_path / "out" / "mark").read_text() == "first"


@pytest.mark.parametrize("reason", [ValueError, KeyboardInterrupt, SystemExit])
def test_a_failure_leaves_nothing_and_the_former_folder(tmp_path: Path, reason: type[BaseException]) -> None:
    write(tmp_path / "out", "first")
    with pytest.raises(reason), replacing(tmp_path / "out") as folder:
        (folder / "mark").write_text("second")
        raise reason
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out" / "mark").read_text() == "first"


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputFolderError, match="No space left"), replacing(tmp_path / "out"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert names(tmp_path) == []


def test_other_failures_keep_their_meaning(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "out"):
        (tmp_path / "missing").read_text()


def test_foreign_folders_files_and_links_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.txt").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty")
    for name in ("file", "foreign", "link"):
        with pytest.raises(OutputFolderError), replacing(tmp_path / name):
            pytest.fail("the block must not start")
    write(tmp_path / "empty", "fine")
    assert names(tmp_path) == ["empty", "file", "foreign", "link"]


def test_what_somebody_puts_there_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(OutputFolderError), replacing(tmp_path / "out") as folder:
        (folder / "mark").write_text("")
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "thesis.txt").write_text("")
    assert names(tmp_path) == ["out"]


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputFolderError, match=r"Not a directory|File exists"),
        replacing(tmp_path / "file" / "out"),
    ):
        pytest.fail("the block must not start")


def test_without_an_exchange_in_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """File systems that know no RENAME_EXCHANGE get two renames with the same result."""
    monkeypatch.setattr(replace_folder, "_RENAME_EXCHANGE", 1 << 20)  # a flag that no kernel knows: EINVAL
    for content in ("first", "second"):
        write(tmp_path / "out", content)
    assert (tmp_path / "out" / "mark").read_text() == "second"
    assert names(tmp_path) == ["out"]


def test_killed_in_the_middle(tmp_path: Path) -> None:
    """SIGKILL leaves the former folder whole; the next call clears the rest away."""
    out = tmp_path / "out"
    write(out, "first")
    with subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_WAIT, str(out)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        # A second writer must not take the first one's unfinished folder away while it runs.
        write(out, "second")
        assert len(names(tmp_path)) == 2
        writer.send_signal(signal.SIGKILL)
    assert (out / "mark").read_text() == "second"
    write(out, "third")
    assert names(tmp_path) == ["out"]


def test_interrupted_in_the_middle(tmp_path: Path) -> None:
    """SIGINT, as Ctrl-C sends it, leaves nothing at all."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITE_AND_WAIT, str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        writer.send_signal(signal.SIGINT)
    assert writer.returncode != 0
    assert names(tmp_path) == []
