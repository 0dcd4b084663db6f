"""A port of this machine's loopback that reaches a port of the phone's loopback through ADB."""

from __future__ import annotations

import select
import socket
import threading
import time
from collections.abc import Callable

from android_runner.adb_routes import Stream, Streams
from android_runner.deadline import Deadline
from android_runner.errors import RefusedPortError, RefusedServiceError, TransportError

_OPEN_TIMEOUT_S = 10.0
_JOIN_TIMEOUT_S = 10.0
_CHUNK_BYTES = 256 * 1024
_TICK_S = 0.5  # how often an overdue answer is looked for


class Tunnel:
    """Accepts connections on a local port and carries each over an ADB stream of its own.

    A connection that the phone refuses is closed at once. ADB knows no half-close: when the local side stops
    sending, everything sent so far is delivered and then the connection is over.
    """

    def __init__(
        self,
        streams: Streams,
        remote_port: int,
        deadline: Deadline,
        answer_timeout_s: float | None = None,
    ) -> None:
        """Open the tunnel; `local_port` is ready when this returns.

        Args:
            streams: The connection that carries it.
            remote_port: The port of the phone's 127.0.0.1.
            deadline: For the opening.
            answer_timeout_s: A connection whose last words have had no answer for so long is ended. Meant for
                protocols of question and answer, where it limits each call.

        Raises:
            RefusedPortError: Nothing listens on the phone's port.
            TransportError: The link failed, or the time is up.
        """
        self._streams = streams
        self._service = f"tcp:{remote_port}"
        self._answer_timeout_s = answer_timeout_s
        self._lock = threading.Lock()
        self._closed = False
        self._open: dict[socket.socket, Stream | None] = {}
        self._threads: list[threading.Thread] = []
        try:
            # Proves that the port is there, and then serves the first connection.
            self._first: Stream | None = streams.open(self._service, deadline)
        except RefusedServiceError as exc:
            raise RefusedPortError(
                f"Expected a server on the device's port {remote_port}; nothing listens there; start one"
            ) from exc
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.local_port: int = self._listener.getsockname()[1]
        self._start(self._accept)

    def close(self) -> None:
        """End every connection and the listening; all threads have ended when this returns."""
        with self._lock:
            self._closed = True
            connections = dict(self._open)
            first, self._first = self._first, None
        _shut(self._listener)
        for connection, stream in connections.items():
            _shut(connection)
            if stream is not None:
                stream.close()
        if first is not None:
            first.close()
        for thread in self._threads:
            thread.join(timeout=_JOIN_TIMEOUT_S)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return  # closed
            with self._lock:
                if self._closed:
                    connection.close()
                    return
                self._open[connection] = None
                stream, self._first = self._first, None
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._start(self._serve, connection, stream)

    def _serve(self, connection: socket.socket, stream: Stream | None) -> None:
        try:
            stream = stream or self._streams.open(self._service, Deadline(_OPEN_TIMEOUT_S, "open a tunnel"))
            with self._lock:
                if self._closed:
                    stream.close()
                    return
                self._open[connection] = stream
            conversation = _Conversation(connection, stream, self._answer_timeout_s)
            back = self._start(conversation.carry_back)
            conversation.carry_there()
            back.join()
        except TransportError:
            pass  # refused or lost: the local side learns of it by the connection's end
        finally:
            with self._lock:
                self._open.pop(connection, None)
            connection.close()

    def _start(self, target: Callable[..., None], *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, name="adb tunnel", daemon=True)
        with self._lock:
            self._threads = [old for old in self._threads if old.is_alive()]
            self._threads.append(thread)
            thread.start()
        return thread


class _Conversation:
    """One connection: a thread for each direction, and a watch over the time an answer takes."""

    def __init__(self, connection: socket.socket, stream: Stream, answer_timeout_s: float | None) -> None:
        self._connection = connection
        self._stream = stream
        self._answer_timeout_s = answer_timeout_s
        self._asked_at_s: float | None = None

    def carry_there(self) -> None:
        try:
            while self._wait_for_local_data() and (data := self._connection.recv(_CHUNK_BYTES)):
                self._asked_at_s = time.monotonic()
                self._stream.write(data, self._deadline())
            self._stream.flush(self._deadline())
        except (OSError, TransportError):
            pass  # either end is gone; closing the stream tells the other
        finally:
            self._stream.close()
            _shut(self._connection)

    def carry_back(self) -> None:
        try:
            while data := self._stream.read():
                self._asked_at_s = None
                self._connection.sendall(data)
        except (OSError, TransportError):
            pass  # either end is gone; shutting the connection down tells the other
        finally:
            _shut(self._connection)

    def _wait_for_local_data(self) -> bool:
        """Return True once there is some (or the end), False when an answer is overdue."""
        if self._answer_timeout_s is None:
            return True
        tick_s = min(_TICK_S, self._answer_timeout_s)
        while not select.select([self._connection], [], [], tick_s)[0]:
            asked_at_s = self._asked_at_s  # the other thread may clear it at any moment
            if asked_at_s is not None and time.monotonic() - asked_at_s > self._answer_timeout_s:
                return False
        return True

    def _deadline(self) -> Deadline | None:
        return None if self._answer_timeout_s is None else Deadline(self._answer_timeout_s, "take data")


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)  # wakes whoever waits on it
    except OSError:
        pass  # not connected any more
