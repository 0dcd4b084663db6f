"""Where an RPC session leads, and who knows why it ended: a phone's server behind a tunnel of ours."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from android_runner.errors import (
    DeviceError,
    DeviceMemoryError,
    IllegalInstructionError,
    LinkLostError,
    ServerError,
    ServerGoneError,
    TransportError,
)
from android_runner.server import RunningServer, is_running, log_tail
from android_runner.transport import Transport

_TUNNEL_TIMEOUT_S = 30.0
_LOG_WAIT_S = 3.0


class Endpoint(Protocol):
    """The far end of a session."""

    serial: str

    def address(self) -> AbstractContextManager[tuple[int, str]]:
        """Give a port of 127.0.0.1 and the key that the server there asks for."""
        ...

    def why_ended(self, what: str) -> DeviceError:
        """Find out why the connection ended while the device was to do ``what``."""
        ...


class PhoneEndpoint:
    """Implements `Endpoint` for a server that we started on a phone."""

    def __init__(self, transport: Transport, server: RunningServer, answer_timeout_s: float) -> None:
        """Take a server; a connection whose answer is overdue for so long is ended by the tunnel."""
        self.serial = transport.serial
        self._transport, self._server = transport, server
        self._answer_timeout_s = answer_timeout_s

    @contextmanager
    def address(self) -> Iterator[tuple[int, str]]:
        """Open a tunnel; see `Endpoint.address`."""
        with self._transport.tunnel(
            self._server.port, timeout_s=_TUNNEL_TIMEOUT_S, answer_timeout_s=self._answer_timeout_s
        ) as port:
            yield port, self._server.token

    def why_ended(self, what: str) -> DeviceError:
        """Ask the server's log; see `Endpoint.why_ended`."""
        serial = self.serial
        try:
            give_up_at = time.monotonic() + _LOG_WAIT_S
            # The server notices the end of a session a moment after we do.
            while "session" not in (log := log_tail(self._transport, self._server)):
                if not is_running(self._transport, self._server):
                    return ServerGoneError(
                        f"Expected {serial} to {what}; its server was ended from outside; start a new session"
                    )
                if time.monotonic() > give_up_at:
                    break
                time.sleep(0.05)
        except TransportError as exc:
            return LinkLostError(f"Expected {serial} to {what}; the link was lost: {exc}")
        if "stopping" in log.splitlines():
            return ServerGoneError(
                f"Expected {serial} to {what}; its server was told to end; start a new session"
            )
        last = log.strip().splitlines()[-1] if log.strip() else "the server said nothing"
        if "killed by signal 4 " in log:
            return IllegalInstructionError(
                f"Expected {serial} to {what}; its cores lack an instruction the module uses; "
                "compile the model for this phone's target"
            )
        if "killed by signal 9 " in log:
            return DeviceMemoryError(
                f"Expected {serial} to {what}; Android ended it, as it does where memory is short; "
                "close other apps, or take a smaller batch or input"
            )
        if "killed by signal" in last:
            return ServerError(
                f"Expected {serial} to {what}; its code crashed there: {last}; "
                "compile the bundle again, and report it if it crashes again"
            )
        if "ended with code 0" in last:
            return LinkLostError(
                f"Expected {serial} to {what}; the link to it was lost on the way; start a new session"
            )
        return ServerError(f"Expected {serial} to {what}; the session ended: {last}; start a new session")
