"""A port of this machine's loopback that reaches a port of the phone's loopback through ADB."""

from __future__ import annotations

import socket
import threading

from android_runner.adb_streams import AdbStream, AdbStreams
from android_runner.deadline import Deadline
from android_runner.errors import RefusedPortError, RefusedServiceError, TransportError

_OPEN_TIMEOUT_S = 10.0
_JOIN_TIMEOUT_S = 10.0
_CHUNK_BYTES = 256 * 1024


class Tunnel:
    """Accepts connections on a local port and carries each over an ADB stream of its own.

    A connection that the phone refuses is closed at once. ADB knows no half-close: when the local side stops
    sending, everything sent so far is delivered and then the connection is over.
    """

    def __init__(self, streams: AdbStreams, remote_port: int, deadline: Deadline) -> None:
        """Open the tunnel; `local_port` is ready when this returns.

        Raises:
            RefusedPortError: Nothing listens on the phone's port.
            TransportError: The link failed, or the time is up.
        """
        self._streams = streams
        self._service = f"tcp:{remote_port}"
        self._lock = threading.Lock()
        self._closed = False
        self._open: dict[socket.socket, AdbStream | None] = {}
        self._threads: list[threading.Thread] = []
        try:
            # Proves that the port is there, and then serves the first connection.
            self._first: AdbStream | None = streams.open(self._service, deadline)
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

    def _serve(self, connection: socket.socket, stream: AdbStream | None) -> None:
        try:
            stream = stream or self._streams.open(self._service, Deadline(_OPEN_TIMEOUT_S, "open a tunnel"))
            with self._lock:
                if self._closed:
                    stream.close()
                    return
                self._open[connection] = stream
            back = self._start(self._carry_back, stream, connection)
            self._carry_there(connection, stream)
            back.join()
        except TransportError:
            pass  # refused or lost: the local side learns of it by the connection's end
        finally:
            with self._lock:
                self._open.pop(connection, None)
            connection.close()

    def _carry_there(self, connection: socket.socket, stream: AdbStream) -> None:
        try:
            while data := connection.recv(_CHUNK_BYTES):
                stream.write(data)
            stream.flush()
        except (OSError, TransportError):
            pass  # either end is gone; closing the stream tells the other
        finally:
            stream.close()

    def _carry_back(self, stream: AdbStream, connection: socket.socket) -> None:
        try:
            while data := stream.read():
                connection.sendall(data)
        except (OSError, TransportError):
            pass  # either end is gone; shutting the connection down tells the other
        finally:
            _shut(connection)

    def _start(self, target: object, *arguments: object) -> threading.Thread:
        thread = threading.Thread(target=target, args=arguments, name="adb tunnel", daemon=True)  # type: ignore[arg-type]
        with self._lock:
            self._threads = [old for old in self._threads if old.is_alive()]
            self._threads.append(thread)
            thread.start()
        return thread


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)  # wakes whoever waits on it
    except OSError:
        pass  # not connected any more
