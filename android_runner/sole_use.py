"""Having a phone for one measurement alone: the second one waits, then gives up."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TypeVar

from android_runner.errors import DeviceBusyError

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

WAIT_S = 60.0
"""How long a measurement waits for another one on the same device to end."""

BUSY = 75
"""What a command of `while_locked` ends with where another measurement has the phone."""

_POLL_S = 0.2

# Our server takes the same lock (sole_use.cc). Android's shell gives no program its files above 2, so that
# `flock` gets a copy; the shell keeps the file, and the lock with it, until the command has ended. It is not
# the last one because shells become their last command. A phone whose Android has no `flock` does without.
_WHILE_LOCKED = (
    "exec 9< {folder}; if command -v flock > /dev/null; then flock -n 8 8<&9 || exit {busy}; fi; "
    "{command}; exit $?"
)


def wait_for_sole_use(attempt: Callable[[], Result | None], serial: str) -> Result:
    """Try until the device is ours; return what the attempt came to.

    Args:
        attempt: Gives None where another measurement has the device.
        serial: Which device.

    Raises:
        DeviceBusyError: Another measurement had it all the time.
    """
    give_up_at_s = time.monotonic() + WAIT_S
    told = False
    while (result := attempt()) is None:
        if time.monotonic() > give_up_at_s:
            raise DeviceBusyError(
                f"Expected {serial} for one measurement alone; another has had it for {WAIT_S:g} s; "
                "run this again when that one is done"
            )
        if not told:
            told = True
            logger.warning("Waiting: another measurement runs on %s", serial)
        time.sleep(_POLL_S)
    return result


def while_locked(command: str, folder: PurePosixPath) -> str:
    """Return the command line that does ``command``, or ends with `BUSY` where another measurement goes on.

    Args:
        command: A command line of a phone's shell.
        folder: The folder on the phone that is locked, which must be there.
    """
    return _WHILE_LOCKED.format(folder=folder, busy=BUSY, command=command)
