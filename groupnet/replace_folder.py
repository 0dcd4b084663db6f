"""Writes a folder as one step: whoever looks sees the former folder or the complete new one, never a part."""

import ctypes
import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from groupnet.errors import OutputFolderError

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2


@contextmanager
def replace_folder(out: Path, *, is_ours: Callable[[Path], bool], what: str) -> Iterator[Path]:
    """Give an empty folder to fill; it takes the place of `out` when the block ends without an error.

    On any exception, Ctrl-C included, the new folder is removed and `out` stays as it was. A process that was
    killed outright leaves its unfinished folder behind; the next call for the same `out` removes it.

    Args:
        out: the folder to make or to replace.
        is_ours: says whether an existing, non-empty `out` may be replaced.
        what: what `out` should be, for the error message, as in "a bundle".

    Raises:
        OutputFolderError: `out` is a file or a folder of something else, or the disk is full or not writable.
    """
    refuse_foreign(out, is_ours=is_ours, what=what)
    out = out.absolute()
    unfinished = out.parent / f".{out.name}.{os.getpid()}.unfinished"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(out)
        unfinished.mkdir()
    except OSError as exc:
        raise _cannot_write(out, exc) from exc
    try:
        yield unfinished
        try:
            _flush(unfinished)
            # Somebody may have put something there while the block ran.
            refuse_foreign(out, is_ours=is_ours, what=what)
            _exchange(unfinished, out)
        except OSError as exc:
            raise _cannot_write(out, exc) from exc
    except OSError as exc:
        # Only a full disk is about the folder; other failures of the block keep their own meaning.
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _cannot_write(out, exc) from exc
        raise
    finally:
        # After the exchange this is the former content of `out`; before it, what was not finished.
        shutil.rmtree(unfinished, ignore_errors=True)


def refuse_foreign(out: Path, *, is_ours: Callable[[Path], bool], what: str) -> None:
    """Raise OutputFolderError unless `out` is absent, an empty folder, or `is_ours`."""
    if out.is_dir() and not out.is_symlink():
        if any(out.iterdir()) and not is_ours(out):
            raise OutputFolderError(
                f"expected {out} to be absent, empty or {what}; got a folder of something else: "
                "name another folder"
            )
    elif out.exists() or out.is_symlink():
        raise OutputFolderError(
            f"expected {out} to be absent or a folder; got a file or a link: name another folder"
        )


def _cannot_write(out: Path, exc: OSError) -> OutputFolderError:
    reason = exc.strerror or str(exc)
    return OutputFolderError(
        f"expected to write {out}; got '{reason}': free some space or name another folder"
    )


def _flush(folder: Path) -> None:
    """Wait until the folder's files and their names are on disk: a rename must not overtake the content."""
    for path in [*folder.rglob("*"), folder, folder.parent]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _exchange(new: Path, out: Path) -> None:
    """Put `new` at `out`; what was at `out`, if anything, is then at `new`. One step where the kernel can."""
    if not out.exists():
        os.rename(new, out)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(_AT_FDCWD, os.fsencode(new), _AT_FDCWD, os.fsencode(out), _RENAME_EXCHANGE) == 0:
        return
    code = ctypes.get_errno()
    if code not in (errno.EINVAL, errno.ENOSYS):
        raise OSError(code, os.strerror(code), str(out))
    # Some network file systems cannot exchange: two renames, with the way back if the second one fails.
    former = new.with_name(new.name + ".former")
    os.rename(out, former)
    try:
        os.rename(new, out)
    except OSError:
        os.rename(former, out)
        raise
    os.rename(former, new)


def _remove_abandoned(out: Path) -> None:
    """Remove unfinished folders for `out` whose writer no longer runs."""
    pattern = re.compile(re.escape(f".{out.name}.") + r"(\d+)\.unfinished")
    for path in out.parent.iterdir():
        match = pattern.fullmatch(path.name)
        if match and (int(match[1]) == os.getpid() or not _runs(int(match[1]))):
            shutil.rmtree(path, ignore_errors=True)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
