"""Streams to a phone's services through the adb server: after the server's OKAY a socket is the service."""

from __future__ import annotations

import threading

from android_runner.adb_server import connect_to_server, explain_failure
from android_runner.deadline import Deadline
from android_runner.errors import DeviceError, LinkDownError, LinkLostError, RefusedServiceError
from android_runner.socket_stream import SocketStream


class ServerStreams:
    """Implements `adb_routes.Streams`: each stream is a connection of its own to the server."""

    max_payload_bytes = 1 << 20

    def __init__(self, port: int, serial: str) -> None:
        """Open streams to the phone ``serial`` of the server on ``port``."""
        self._port, self._serial = port, serial
        self._lock = threading.Lock()
        self._open: set[SocketStream] = set()
        self._closed = False

    def open(self, service: str, deadline: Deadline) -> SocketStream:
        """Open a stream; see `Streams.open`."""
        import adbutils

        with self._lock:
            if self._closed:
                raise LinkDownError(f"The connection to {self._serial} was closed")
        connection = connect_to_server(self._port, deadline)
        try:
            try:
                connection.send_command(f"host:transport:{self._serial}")
                connection.check_okay()
            except (adbutils.AdbError, OSError) as exc:
                raise _explain(self._serial, exc, deadline) from exc
            try:
                connection.conn.settimeout(deadline.remaining_s())
                connection.send_command(service)
                connection.check_okay()
            except adbutils.AdbTimeout as exc:
                raise deadline.error() from exc
            except adbutils.AdbError as exc:
                if "Unknown data" in str(exc):
                    raise self._lost(str(exc)) from exc
                raise RefusedServiceError(
                    f"Expected `{service.partition(':')[0]}` of the device; the adb server said: {exc}; "
                    "it may be too old or not listening"
                ) from exc
            except OSError as exc:
                raise self._lost(str(exc)) from exc
            stream = SocketStream(connection.conn, f"{self._serial} through the adb server")
        except BaseException:
            connection.conn.close()
            raise
        with self._lock:
            if self._closed:
                stream.close()
                raise LinkDownError(f"The connection to {self._serial} was closed")
            self._open = {each for each in self._open if not each.closed} | {stream}
        return stream

    def close(self) -> None:
        """End every stream."""
        with self._lock:
            self._closed = True
            streams, self._open = self._open, set()
        for stream in streams:
            stream.close()

    def _lost(self, reason: str) -> LinkLostError:
        return LinkLostError(
            f"Expected the adb server to keep {self._serial}; got: {reason}; "
            "check the phone and connect again"
        )


def _explain(serial: str, exc: Exception, deadline: Deadline) -> DeviceError:
    if isinstance(exc, TimeoutError) or "timeout" in str(exc):
        return deadline.error()
    return explain_failure(serial, str(exc))
