"""The moment by which a call to a device must have ended."""

from __future__ import annotations

import time

from android_runner.errors import TransportTimeoutError


class Deadline:
    """Counts down the time limit of one call that waits several times."""

    def __init__(self, timeout_s: float, what: str) -> None:
        """Start now; ``what`` names the call in the error, as in "run `ls`"."""
        self._timeout_s = timeout_s
        self._what = what
        self._end_s = time.monotonic() + timeout_s

    def remaining_s(self) -> float:
        """Return the seconds left, always positive.

        Raises:
            TransportTimeoutError: None are left.
        """
        left_s = self._end_s - time.monotonic()
        if left_s <= 0:
            raise self.error()
        return left_s

    def error(self) -> TransportTimeoutError:
        """Return the error that says that the time is up."""
        return TransportTimeoutError(
            f"Expected the device to {self._what} within {self._timeout_s:g} s; it did not; "
            "check the connection or allow more time"
        )
