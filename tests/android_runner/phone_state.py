"""What runs on a phone, and waiting for it to change."""

from __future__ import annotations

import time
from collections.abc import Callable

from android_runner.transport import Transport

LIMIT_S = 30.0


def server_processes(transport: Transport) -> list[str]:
    """Return the command lines of device servers and their sessions."""
    listing = transport.shell(
        "for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline 2>/dev/null; echo; done", timeout_s=LIMIT_S
    ).stdout
    return [line for line in listing.splitlines() if "--memory-limit-bytes" in line and "tr " not in line]


def wait_until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; fail where it never does."""
    give_up_at = time.monotonic() + LIMIT_S
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)
