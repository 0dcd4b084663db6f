"""Carries one RPC session from a tracker's client to the server on a phone, whose token stays with us."""

from __future__ import annotations

import hmac
import socket
import struct
import threading

from android_runner.rack.tracker_protocol import receive_bytes, receive_number

_RPC_MAGIC = 0xFF271
_RPC_MISMATCH = _RPC_MAGIC + 2
_MAX_KEY_BYTES = 256
_GREETING_S = 10.0
_CHUNK_BYTES = 256 * 1024


def shows_key(connection: socket.socket, match_key: str) -> bool:
    """Read a client's greeting; a client that shows another key is told so. The connection stays open."""
    connection.settimeout(_GREETING_S)
    try:
        if receive_number(connection) != _RPC_MAGIC:
            return False
        size = receive_number(connection)
        if not 0 < size <= _MAX_KEY_BYTES:
            return False
        # TVM's clients may add options such as a time limit, which is ours to set.
        shown = receive_bytes(connection, size).split(b" ")[0]
        if not hmac.compare_digest(shown, f"client:{match_key}".encode()):
            connection.sendall(struct.pack("<i", _RPC_MISMATCH))
            return False
    except OSError:
        return False
    connection.settimeout(None)
    return True


class Relay:
    """Two threads that copy, one for each direction, until either end closes."""

    def __init__(self, client: socket.socket, port: int, token: str) -> None:
        """Connect to the phone's server through a port of the loopback, and begin; raises OSError."""
        self._client = client
        self._phone = socket.create_connection(("127.0.0.1", port), _GREETING_S)
        self._phone.settimeout(None)
        key = f"client:{token}".encode()
        self._phone.sendall(struct.pack("<ii", _RPC_MAGIC, len(key)) + key)
        for connection in (self._client, self._phone):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._lock = threading.Lock()
        self._ended_first: socket.socket | None = None
        directions = ((self._client, self._phone), (self._phone, self._client))
        self._threads = [
            threading.Thread(target=self._copy, args=ends, name="relay", daemon=True) for ends in directions
        ]
        for thread in self._threads:
            thread.start()

    def wait(self, seconds: float) -> bool:
        """Whether the session has ended within the time."""
        self._threads[0].join(seconds)
        return not self._threads[0].is_alive()

    @property
    def ended_by_phone(self) -> bool:
        """Whether it was the phone's end that closed."""
        return self._ended_first is self._phone

    def close(self) -> None:
        """End the session."""
        for connection in (self._client, self._phone):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # ended already
        for thread in self._threads:
            thread.join()
        self._client.close()
        self._phone.close()

    def _copy(self, source: socket.socket, destination: socket.socket) -> None:
        ended = source
        try:
            while data := source.recv(_CHUNK_BYTES):
                ended = destination
                destination.sendall(data)
                ended = source
        except OSError:
            pass  # an end is gone, which the other learns below
        with self._lock:
            self._ended_first = self._ended_first or ended
        for connection in (source, destination):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # ended already
