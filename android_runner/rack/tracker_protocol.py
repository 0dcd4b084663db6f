"""TVM's tracker protocol: after a magic number, messages of a length and JSON; the tracker answers each.

As in `tvm.rpc.base` and `tvm.rpc.tracker` of TVM 0.27, so that TVM's own clients and servers understand it.
"""

from __future__ import annotations

import json
import socket
import struct
from enum import IntEnum
from typing import Any

MAGIC = 0x2F271
DEFAULT_PORT = 9190
MAX_MESSAGE_BYTES = 1 << 20


class Code(IntEnum):
    """The first item of a request, or the answer."""

    FAIL = -1
    SUCCESS = 0
    PING = 1
    STOP = 2
    PUT = 3
    REQUEST = 4
    UPDATE_INFO = 5
    SUMMARY = 6
    GET_PENDING_MATCHKEYS = 7


def send_magic(connection: socket.socket) -> None:
    """Send the number that opens a connection, in either direction; raises OSError."""
    connection.sendall(struct.pack("<i", MAGIC))


def receive_magic(connection: socket.socket) -> bool:
    """Whether the other end opens the connection as it should; raises OSError where it says nothing."""
    return receive_number(connection) == MAGIC


def send_json(connection: socket.socket, value: Any) -> None:
    """Send a message; raises OSError."""
    data = json.dumps(value).encode()
    connection.sendall(struct.pack("<i", len(data)) + data)


def receive_json(connection: socket.socket) -> Any:
    """Receive a message.

    Raises:
        OSError: the connection ended, or was silent for its time limit.
        ValueError: this is no message.
    """
    size = receive_number(connection)
    if not 0 < size <= MAX_MESSAGE_BYTES:
        raise ValueError(f"a message of {size} bytes")
    return json.loads(receive_bytes(connection, size))


def receive_number(connection: socket.socket) -> int:
    """Receive 32 bits; raises OSError."""
    return int(struct.unpack("<i", receive_bytes(connection, 4))[0])


def receive_bytes(connection: socket.socket, size: int) -> bytes:
    """Receive exactly so many bytes; raises OSError where the connection ends before."""
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(size - len(parts))
        if not part:
            raise ConnectionResetError("the connection ended")
        parts += part
    return bytes(parts)
