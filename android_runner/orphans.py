"""Servers on phones whose host is gone: they would idle on for minutes, so the next start ends them."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

from android_runner.emulator.processes import ProcessId, find_process, is_running

_abandoned: set[str] = set()


@cache
def _place() -> str:
    """Return what tells this machine, since its last boot, and this view of its processes from others."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot}/{os.readlink('/proc/self/ns/pid')}"


def owner_mark() -> str:
    """Return what a server is marked with as this process's: place, process number, its start; no blanks."""
    me = find_process(os.getpid())
    return f"{_place()}/{os.getpid()}/{me.start_ticks if me else 0}"


def abandon(folder: str) -> None:
    """Remember a server of this process that could not be stopped."""
    _abandoned.add(folder)


def is_orphan(folder: str, mark: str) -> bool:
    """Return whether nobody will use or stop a server any more.

    Args:
        folder: The name of the server's folder.
        mark: What `owner_mark` gave its host; servers of hosts elsewhere are left alone.
    """
    if folder in _abandoned:
        return True
    place, *process = mark.rsplit("/", 2)
    if place != _place() or len(process) != 2 or not all(part.isdecimal() for part in process):
        return False
    pid, start_ticks = map(int, process)
    return not is_running(ProcessId(pid, start_ticks))
