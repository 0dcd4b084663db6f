"""A connected socket as a stream to one service, see `adb_routes.Stream`."""

from __future__ import annotations

import select
import socket

from android_runner.deadline import Deadline
from android_runner.errors import LinkLostError

_RECEIVE_BYTES = 256 * 1024


class SocketStream:
    """Implements `adb_routes.Stream`: whatever comes out of the socket is the service's."""

    def __init__(self, connection: socket.socket, name: str) -> None:
        """Take the connection over; `name` says in errors where it leads."""
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._connection = connection
        self._name = name
        self.closed = False

    def read(self, deadline: Deadline | None = None) -> bytes:
        """Wait for data; see `Stream.read`."""
        try:
            while True:
                limit_s = deadline.remaining_s() if deadline else None
                if select.select([self._connection], [], [], limit_s)[0]:
                    return self._connection.recv(_RECEIVE_BYTES)
        except (OSError, ValueError) as exc:  # ValueError: select on a socket that close() has closed
            if self.closed:
                return b""
            raise self._lost(exc) from exc

    def has_answer(self) -> bool:
        """Return whether `read` would return at once."""
        try:
            return bool(select.select([self._connection], [], [], 0)[0])
        except (OSError, ValueError):
            return True

    def write(self, data: bytes, deadline: Deadline | None = None) -> None:
        """Send data; see `Stream.write`."""
        unsent = memoryview(data)
        try:
            while unsent:
                limit_s = deadline.remaining_s() if deadline else None
                if select.select([], [self._connection], [], limit_s)[1]:
                    unsent = unsent[self._connection.send(unsent) :]
        except (OSError, ValueError) as exc:
            raise self._lost(exc) from exc

    def flush(self, deadline: Deadline | None = None) -> None:
        """Nothing to wait for: what the system has taken it passes on, also after the socket's end."""

    def close(self) -> None:
        """Close the stream; harmless when it is closed already."""
        if self.closed:
            return
        self.closed = True
        try:
            self._connection.shutdown(socket.SHUT_RDWR)  # wakes whoever waits on it
        except OSError:
            pass  # the other side was faster
        self._connection.close()

    def _lost(self, exc: Exception) -> LinkLostError:
        return LinkLostError(
            f"Expected the connection to {self._name} to last; got: {exc}; check the device and connect again"
        )
