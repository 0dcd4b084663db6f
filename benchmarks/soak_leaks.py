"""What a cycle of `benchmarks.soak` has left: processes, threads and open files here, more on the phone."""

import gc
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from android_runner.server import DEVICE_ROOT
from android_runner.transport import Transport

_TIMEOUT_S = 30.0
# A server whose host has gone away ends when it is told to by the next cycle, or by itself; so does a tunnel.
_GRACE_S = 20.0
_POLL_S = 0.1
# The brackets keep the listing, whose command line has this text, out of itself.
_LIST_PHONE = f"""
ls -A {DEVICE_ROOT} | sed 's/^/file /'
for p in /proc/[0-9]*; do
  tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -q '[-]-memory-limit' && echo "process ${{p#/proc/}}"
done
true
"""


@dataclass(frozen=True)
class Leftovers:
    """What is there.

    Attributes:
        counts: how many processes, threads and open files this process has.
        phone: files below `DEVICE_ROOT` and processes of servers on the phone.
    """

    counts: tuple[tuple[str, int], ...] = ()
    phone: frozenset[str] = frozenset()

    def describe(self) -> dict[str, Any]:
        """Return it as `--json` prints it."""
        return {**dict(self.counts), "on the phone": sorted(self.phone)}

    def __or__(self, other: "Leftovers") -> "Leftovers":
        """What is in either of them."""
        return Leftovers(self.counts + other.counts, self.phone | other.phone)

    def beyond(self, before: "Leftovers") -> list[str]:
        """What is here and was not in `before`, in words."""
        earlier = dict(before.counts)
        more = [f"{name}: {n} instead of {earlier[name]}" for name, n in self.counts if n > earlier[name]]
        return more + [f"on the phone: {what}" for what in sorted(self.phone - before.phone)]


def leftovers_here() -> Leftovers:
    """Count this process's children, threads and open files, without what only waits for the collector."""
    gc.collect()  # a virtual machine of TVM's is part of a cycle, and holds its session's socket
    me = os.getpid()
    children = Path(f"/proc/{me}/task/{me}/children").read_text().split()
    files = len(os.listdir(f"/proc/{me}/fd"))
    counts = (("processes", len(children)), ("threads", threading.active_count()), ("open files", files))
    return Leftovers(counts)


def leftovers_on_phone(transport: Transport) -> Leftovers:
    """List what the runner has on a phone; raises DeviceError."""
    listing = transport.shell(_LIST_PHONE, timeout_s=_TIMEOUT_S).stdout
    return Leftovers(phone=frozenset(listing.splitlines()))


def wait_until_clean(now: Callable[[], Leftovers], before: Leftovers) -> list[str]:
    """Return what is still beyond `before` after a grace period; at once where nothing is."""
    give_up_at = time.monotonic() + _GRACE_S
    while (left := now().beyond(before)) and time.monotonic() < give_up_at:
        time.sleep(_POLL_S)
    return left
