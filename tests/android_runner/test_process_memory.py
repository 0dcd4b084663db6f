"""This process's memory, by the kernel's account."""

import mmap
from pathlib import Path

import pytest

from android_runner import process_memory
from android_runner.process_memory import forget_peak, peak_bytes, resident_bytes, status_bytes

STATUS = "Name:\tbench\nVmPeak:\t  99000 kB\nVmHWM:\t   13540 kB\nVmRSS:\t   12000 kB\n"


@pytest.mark.parametrize(
    ("key", "expected"), [("VmHWM", 13540 * 1024), ("VmRSS", 12000 * 1024), ("HWM", None), ("VmSwap", None)]
)
def test_a_key_of_the_status(key: str, expected: int | None) -> None:
    assert status_bytes(STATUS, key) == expected


def test_the_peak_holds_what_was_given_back() -> None:
    forget_peak()
    before = resident_bytes()
    # Fresh pages: a process that had more memory before may give a bytearray some that is resident already.
    with mmap.mmap(-1, 32 << 20) as block:
        block.write(bytes(len(block)))
    peak = peak_bytes()
    assert before and peak and peak > before + (24 << 20)


def test_a_kernel_that_tells_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_memory, "_STATUS", tmp_path / "absent")
    monkeypatch.setattr(process_memory, "_CLEAR_REFS", tmp_path)
    forget_peak()
    assert resident_bytes() is peak_bytes() is None
