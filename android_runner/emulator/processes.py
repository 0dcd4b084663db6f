"""Processes by number and start time, so that a number given to another process meanwhile is not mistaken."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

_POLL_S = 0.01


@dataclass(frozen=True)
class ProcessId:
    """One process of this machine.

    Attributes:
        pid: Its number.
        start_ticks: When it started, in the kernel's clock ticks since boot (field 22 of /proc/PID/stat).
    """

    pid: int
    start_ticks: int


def find_process(pid: int) -> ProcessId | None:
    """Return the process of that number; ``None`` if there is none or only its exit status is left."""
    fields = _stat_fields(pid)
    if fields is None or fields[0] in ("Z", "X"):
        return None
    return ProcessId(pid, int(fields[19]))


def is_running(process: ProcessId) -> bool:
    """Return whether that very process still runs."""
    return find_process(process.pid) == process


def children_of(pid: int) -> list[ProcessId]:
    """Return the processes whose parent is ``pid``."""
    numbers = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    found = []
    for number in numbers:
        fields = _stat_fields(number)
        if fields is not None and int(fields[1]) == pid and (child := find_process(number)):
            found.append(child)
    return found


def processes_with(variable: str, value: str) -> list[ProcessId]:
    """Return the processes of ours that were started with that environment variable of that value."""
    wanted = f"{variable}={value}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            # Another user's, or gone by now.
            continue
        if wanted in environment.split(b"\0") and (process := find_process(int(entry.name))):
            found.append(process)
    return found


def send_signal(process: ProcessId, number: signal.Signals) -> None:
    """Signal that very process, if it still runs."""
    if is_running(process):
        try:
            os.kill(process.pid, number)
        except ProcessLookupError:
            return


def wait_until_ended(process: ProcessId, *, timeout_s: float) -> bool:
    """Wait for the end of a process that need not be our child; return whether it came in time."""
    deadline = time.monotonic() + timeout_s
    while is_running(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _stat_fields(pid: int) -> list[str] | None:
    """Return /proc/PID/stat from its third field (state) on."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field is the program's name in parentheses, which may hold anything, parentheses too.
    return text.rpartition(")")[2].split()
