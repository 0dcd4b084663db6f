"""Streams to the RPC server of a board that speaks no ADB, so that a tunnel leads there as to a phone's."""

from __future__ import annotations

import socket

from android_runner.deadline import Deadline
from android_runner.errors import LinkLostError, NoSuchDeviceError
from android_runner.socket_stream import SocketStream


def server_command(port: int) -> str:
    """Return what starts TVM's RPC server.

    It takes the first free port from ``--port`` up to ``--port-end``, which is 9199 by default. Without
    ``TVM_NUM_THREADS`` kernels of one thread are handed to a pool too, which may take longer than they do.
    """
    return (
        "TVM_NUM_THREADS=1 python -m tvm.exec.rpc_server --host 127.0.0.1 "
        f"--port {port} --port-end {port + 1}"
    )


class BoardStreams:
    """Implements `adb_routes.Streams`: each is a connection of its own, whatever service is asked for."""

    max_payload_bytes = 1 << 20

    def __init__(self, host: str, port: int) -> None:
        """Open streams to ``host:port``."""
        self._host, self._port = host, port
        self._open: list[SocketStream] = []

    def open(self, service: str, deadline: Deadline) -> SocketStream:  # noqa: ARG002
        """Connect; raises NoSuchDeviceError, LinkLostError, TransportTimeoutError."""
        address = f"{self._host}:{self._port}"
        try:
            connection = socket.create_connection((self._host, self._port), deadline.remaining_s())
        except TimeoutError as exc:
            raise deadline.error() from exc
        except (ConnectionRefusedError, socket.gaierror) as exc:
            raise NoSuchDeviceError(
                f"Expected TVM's RPC server at {address}; got: {exc.strerror}; check the address, or start "
                f"it there: `{server_command(self._port)}`"
            ) from exc
        except OSError as exc:
            raise LinkLostError(
                f"Expected TVM's RPC server at {address}; got {exc}; check the address"
            ) from exc
        stream = SocketStream(connection, address)
        self._open = [*(each for each in self._open if not each.closed), stream]
        return stream

    def close(self) -> None:
        """End every stream."""
        for stream in self._open:
            stream.close()
