"""Claims on pieces of work, so that several processes share a folder of results.

A claim is a lock that the kernel holds on a file (flock), and the file says whose it is. The kernel drops the
lock when its process ends, however it ends: a file that is left behind claims nothing, and its number, which
may be another process's by then, need not be trusted.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def claim(path: Path) -> Iterator[bool]:
    """Give True to the one process that holds `path`, until the block ends; False where another one does."""
    descriptor = _locked(path)
    if descriptor is None:
        yield False
        return
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield True
    finally:
        path.unlink(missing_ok=True)
        os.close(descriptor)


def holder(path: Path) -> str:
    """Whose claim it is, for people: the process's number, or `?` where it cannot be read (any more)."""
    try:
        return path.read_text(encoding="utf-8").strip() or "?"
    except OSError:
        return "?"


def _locked(path: Path) -> int | None:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        # Between opening and locking the former holder may have removed the file: then this lock is on none.
        if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
            return descriptor
        os.close(descriptor)
