"""A transport that connects again, ever more slowly, when its link is lost."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path, PurePosixPath
from typing import TypeVar

from android_runner.deadline import Deadline
from android_runner.errors import (
    AuthenticationError,
    DeviceError,
    LinkDownError,
    LinkLostError,
    unraised,
)
from android_runner.transport import ShellResult, Transport

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)
"""Waits before the attempts to connect again; a phone that does not come back within their sum is gone."""


class ReconnectingTransport:
    """Implements `android_runner.transport.Transport` over transports that `connect` opens.

    Copying a file and opening a tunnel are repeated when the link was lost within them: both are the same
    when done twice. A shell command is sent again only if nothing of it had been sent, because it may have
    been done. A phone that does not come back is given up: every later call fails at once.
    """

    def __init__(
        self,
        connect: Callable[[], Transport],
        back_off_s: Sequence[float] = BACK_OFF_S,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Connect for the first time; that fails at once, with what `connect` raises."""
        self._connect, self._back_off_s, self._sleep = connect, back_off_s, sleep
        self._lock = threading.Lock()
        self._inner = connect()
        self._given_up: LinkDownError | None = None
        self.serial = self._inner.serial

    def shell(self, command: str, *, timeout_s: float, check: bool = True) -> ShellResult:
        """Run a command line; see `Transport.shell`."""
        return self._repeat(
            LinkDownError,
            Deadline(timeout_s, f"run `{command}`"),
            lambda inner, left_s: inner.shell(command, timeout_s=left_s, check=check),
        )

    def push(self, source: Path, destination: PurePosixPath, *, mode: int = 0o644, timeout_s: float) -> None:
        """Copy a file to the device; see `Transport.push`."""
        self._repeat(
            LinkLostError,
            Deadline(timeout_s, f"take {source.name}"),
            lambda inner, left_s: inner.push(source, destination, mode=mode, timeout_s=left_s),
        )

    def pull(self, source: PurePosixPath, destination: Path, *, timeout_s: float) -> None:
        """Copy a file from the device; see `Transport.pull`."""
        self._repeat(
            LinkLostError,
            Deadline(timeout_s, f"send {source}"),
            lambda inner, left_s: inner.pull(source, destination, timeout_s=left_s),
        )

    @contextmanager
    def tunnel(
        self, remote_port: int, *, timeout_s: float, answer_timeout_s: float | None = None
    ) -> Iterator[int]:
        """Reach a port of the phone; see `Transport.tunnel`. Once open, it is not opened again."""
        with ExitStack() as stack:

            def open_tunnel(inner: Transport, left_s: float) -> int:
                opening = inner.tunnel(remote_port, timeout_s=left_s, answer_timeout_s=answer_timeout_s)
                return stack.enter_context(opening)

            yield self._repeat(LinkLostError, Deadline(timeout_s, "open a tunnel"), open_tunnel)

    def close(self) -> None:
        """End the link for good; see `Transport.close`."""
        with self._lock:
            inner = self._inner
            self._given_up = self._given_up or LinkDownError(f"The connection to {self.serial} was closed")
        inner.close()

    def _repeat(
        self,
        repeated: type[LinkLostError],
        deadline: Deadline,
        call: Callable[[Transport, float], Result],
    ) -> Result:
        while True:
            with self._lock:
                if self._given_up is not None:
                    raise unraised(self._given_up)
                inner = self._inner
            try:
                return call(inner, deadline.remaining_s())
            except repeated as exc:
                self._reconnect(inner, exc, deadline)

    def _reconnect(self, lost: Transport, why: LinkLostError, deadline: Deadline) -> None:
        """Replace a transport that was lost, unless another thread has done so.

        Raises:
            LinkDownError: The phone does not come back; ``why`` is part of the message.
            TransportTimeoutError: The call's own time is up.
        """
        with self._lock:
            if self._given_up is not None:
                raise unraised(self._given_up)
            if self._inner is not lost:
                return
            lost.close()
            last: DeviceError = why
            for wait_s in self._back_off_s:
                logger.info("%s; connecting again in %g s", last, wait_s)
                self._sleep(min(wait_s, deadline.remaining_s()))
                try:
                    self._inner = self._connect()
                    return
                except AuthenticationError as exc:
                    last = exc
                    break  # waiting does not help
                except DeviceError as exc:
                    last = exc
            self._given_up = LinkDownError(f"{why}; it did not come back: {last}")
            raise unraised(self._given_up) from last
