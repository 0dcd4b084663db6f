"""The other side of a tracker: asking for a phone, offering one, and looking at what there is."""

from __future__ import annotations

import re
import socket
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from android_runner.errors import TrackerError
from android_runner.rack.tracker_protocol import Code, receive_json, receive_magic, send_json, send_magic

_TIMEOUT_S = 10.0


@dataclass(frozen=True)
class TrackerAddress:
    """Where a tracker listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Lease:
    """The right to one session: where to connect, and the key to show there."""

    host: str
    port: int
    match_key: str


def parse_address(text: str) -> TrackerAddress:
    """Return the address of a text such as ``127.0.0.1:9190``; raises TrackerError where it is none."""
    found = re.fullmatch(r"([\w.-]+):(\d{1,5})", text)
    if not found or not 0 < int(found.group(2)) < 1 << 16:
        raise TrackerError(
            f"Expected a tracker as HOST:PORT; got '{text}'; start one with `groupnet tracker`"
        )
    return TrackerAddress(found.group(1), int(found.group(2)))


def parse_rack(spec: str) -> tuple[TrackerAddress, str]:
    """Return the address and key of ``tracker:HOST:PORT/KEY``; raises TrackerError for any other text."""
    where, _, key = spec.removeprefix("tracker:").partition("/")
    if not key:
        raise TrackerError(
            f"Expected tracker:HOST:PORT/KEY; got '{spec}'; name the key under which agents offer phones"
        )
    return parse_address(where), key


class TrackerClient:
    """A connection to a tracker, for several threads; a context manager. Each call has a time limit."""

    def __init__(self, address: TrackerAddress) -> None:
        """Connect; raises TrackerError."""
        self._address = address
        self._lock = threading.Lock()
        try:
            self._connection = socket.create_connection((address.host, address.port), _TIMEOUT_S)
        except OSError as exc:
            raise self._gone(exc) from exc
        try:
            send_magic(self._connection)
            if not receive_magic(self._connection):
                raise TrackerError(f"Expected a tracker at {address}; something else answers; check the port")
        except OSError as exc:
            self.close()
            raise self._gone(exc) from exc
        except TrackerError:
            self.close()
            raise

    def __enter__(self) -> TrackerClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def summary(self) -> dict[str, Any]:
        """Return `queue_info` and `server_info`; raises TrackerError."""
        answer = self._ask([Code.SUMMARY])
        if not isinstance(answer, list) or len(answer) != 2 or not isinstance(answer[1], dict):
            raise TrackerError(f"Expected a summary of the tracker at {self._address}; got {answer!r:.80}")
        return answer[1]

    def offer(self, key: str, port: int, match_key: str) -> None:
        """Offer one session at a port of this machine; raises TrackerError."""
        self._expect_success([Code.PUT, key, [port, match_key], None])

    def describe(self, info: dict[str, Any]) -> None:
        """Say about ourselves what `summary` shall show; raises TrackerError."""
        self._expect_success([Code.UPDATE_INFO, info])

    def pending(self) -> list[str]:
        """Return the match keys of our offers that nobody took yet; raises TrackerError."""
        return [str(one) for one in self._ask([Code.GET_PENDING_MATCHKEYS])]

    def request(self, key: str, wait_s: float) -> Lease | None:
        """Ask for a phone; None if none is free within the time, and then this connection has ended.

        Raises:
            TrackerError: the tracker is gone.
        """
        with self._lock:
            try:
                self._connection.settimeout(wait_s)
                send_json(self._connection, [Code.REQUEST, key, "", 1])
                _, (host, port, match_key) = receive_json(self._connection)
                self._connection.settimeout(_TIMEOUT_S)
            except TimeoutError:
                self.close()
                return None
            except (OSError, ValueError, TypeError) as exc:
                raise self._gone(exc) from exc
        return Lease(str(host), int(port), str(match_key))

    def close(self) -> None:
        """End the connection, and with it our offers."""
        self._connection.close()

    def _expect_success(self, message: list[Any]) -> None:
        if (answer := self._ask(message)) != Code.SUCCESS:
            raise TrackerError(
                f"Expected the tracker at {self._address} to agree; got {answer!r:.80}; restart it"
            )

    def _ask(self, message: list[Any]) -> Any:
        with self._lock:
            try:
                send_json(self._connection, message)
                return receive_json(self._connection)
            except (OSError, ValueError) as exc:
                raise self._gone(exc) from exc

    def _gone(self, exc: Exception) -> TrackerError:
        return TrackerError(
            f"Expected a tracker at {self._address}; it does not answer ({exc}); start one with "
            "`groupnet tracker`"
        )
