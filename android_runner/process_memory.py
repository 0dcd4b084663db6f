"""What this process takes of the machine's memory, by the kernel's account."""

from __future__ import annotations

import re
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR_REFS = Path("/proc/self/clear_refs")
_FORGET_PEAK = "5"
_KIBIBYTE = 1024  # the file's unit, which it calls kB


def resident_bytes() -> int | None:
    """Return what is resident now (VmRSS); None where the kernel does not tell."""
    return status_bytes(_read(), "VmRSS")


def peak_bytes() -> int | None:
    """Return the most that was resident since `forget_peak` (VmHWM); None likewise."""
    return status_bytes(_read(), "VmHWM")


def forget_peak() -> None:
    """Let the peak start again from now; a kernel that refuses counts on."""
    try:
        _CLEAR_REFS.write_text(_FORGET_PEAK)
    except OSError:
        pass  # it says more than the truth then, and never less


def status_bytes(status: str, key: str) -> int | None:
    """Return the bytes under a key of a text such as /proc/self/status; None where it is missing."""
    found = re.search(rf"^{key}:\s*(\d+) kB$", status, re.MULTILINE)
    return int(found.group(1)) * _KIBIBYTE if found else None


def _read() -> str:
    try:
        return _STATUS.read_text()
    except OSError:
        return ""
