"""Folders that are made once, appear whole or not at all, and are shared by concurrent processes."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path


def default_cache_dir() -> Path:
    """Return this project's cache folder below ``$XDG_CACHE_HOME`` or ``~/.cache``."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "groupnet"


def cached_folder(folder: Path, fill: Callable[[Path], None]) -> Path:
    """Return ``folder``, filling it first where it does not exist.

    ``fill`` works in a temporary sibling that is renamed into place when it has returned, so an interrupted
    or failed run leaves nothing behind. A second process waits for the first instead of doing the work again.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(folder.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.is_dir():
            return folder
        for left in folder.parent.glob(f"{folder.name}.*/"):
            shutil.rmtree(left, ignore_errors=True)  # by a process that was killed: we hold the lock
        partial = Path(tempfile.mkdtemp(prefix=folder.name + ".", dir=folder.parent))
        try:
            fill(partial)
            partial.chmod(0o755)
            partial.rename(folder)
        finally:
            # Renamed away already, unless something went wrong.
            shutil.rmtree(partial, ignore_errors=True)
    return folder
