"""The faults of `benchmarks.soak`, and where in a cycle they strike."""

import random
from enum import Enum

from android_runner.adb_routes import DirectRoute
from android_runner.adb_transport import AdbTransport
from android_runner.emulator.faulty_link import FaultyLink
from android_runner.emulator.phone import EmulatedPhone

_TIMEOUT_S = 20.0
_MOST_BYTES = 200_000  # about what a session carries, without the runtime that is there already


class Stage(Enum):
    """How far a cycle has come when its fault strikes."""

    CONNECT = "connect"
    LOAD = "load"
    RUN = "run"
    CLOSE = "close"


_ON_THE_PHONE = {
    # What the low-memory killer does: a session, the server's child, ends by SIGKILL.
    "session killed": "kill -9 $(pids 2)",
    "server killed": "kill -9 $(pids 1)",
    "server stopped": "kill -TERM $(pids 1)",
    "runtime damaged": "for f in /data/local/tmp/groupnet/runtime-*/libm.so.6; do mv $f $f.x; echo x > $f; "
    "rm -f $f.x; done",
    "clock jumped": "touch -c -d '1971-01-01' /data/local/tmp/groupnet/server-* 2>/dev/null; true",
}
# A server's parent is the phone's first process or the daemon's shell; a session's parent is a server. The
# brackets keep this text itself, which is a command line too, out of what is found.
_PIDS = """
servers() { for p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -q '[-]-memory-limit' && \
echo ${p#/proc/}; done; }
pids() {
  all=" $(servers | tr '\\n' ' ')"
  for p in $all; do
    parent=$(sed -n 's/^PPid:[^0-9]*//p' /proc/$p/status 2>/dev/null)
    case "$all" in *" $parent "*) depth=2;; *) depth=1;; esac
    [ $depth = $1 ] && echo $p
  done
}
"""
FAULTS = ("cut", "cut later", "cut and refuse", *_ON_THE_PHONE)
"""By name: the link is cut now, after some bytes, or for good; or something happens on the phone."""


def inject(fault: str, rng: random.Random, link: FaultyLink, phone: EmulatedPhone) -> None:
    """Let a fault strike now; what the link suffers lasts until it is healed."""
    if fault == "cut":
        link.cut()
    elif fault == "cut later":
        link.cut_after(rng.randrange(_MOST_BYTES))
    elif fault == "cut and refuse":
        link.refuse(True)
        link.cut()
    else:
        # Past the link: it is the phone that has the fault.
        route = DirectRoute("127.0.0.1", phone.port, str(phone.key))
        transport = AdbTransport.along(route, _TIMEOUT_S)
        try:
            command = f"{_PIDS}{_ON_THE_PHONE[fault]} 2>/dev/null"
            transport.shell(command, timeout_s=_TIMEOUT_S, check=False)
        finally:
            transport.close()
