"""ADB's messages on the wire: a header of six little-endian words, then the payload (AOSP protocol.txt)."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass

import numpy as np

from android_runner.errors import LinkLostError

OPEN = int.from_bytes(b"OPEN", "little")
OKAY = int.from_bytes(b"OKAY", "little")
WRTE = int.from_bytes(b"WRTE", "little")
CLSE = int.from_bytes(b"CLSE", "little")

# What adb-shell announces as our limit while logging in.
MAX_RECEIVED_BYTES = 1 << 20

_HEADER = struct.Struct("<6I")
_WORD = 0xFFFFFFFF


@dataclass(frozen=True)
class Message:
    """One message.

    Attributes:
        command: `OPEN`, `OKAY`, `WRTE`, `CLSE` or another ADB command word.
        arg0: The sender's stream id.
        arg1: The receiver's stream id, 0 in OPEN.
        payload: What it carries.
    """

    command: int
    arg0: int
    arg1: int
    payload: bytes = b""


def encode(message: Message) -> bytes:
    """Return a message as it goes over the wire."""
    header = _HEADER.pack(
        message.command,
        message.arg0,
        message.arg1,
        len(message.payload),
        _checksum(message.payload),
        message.command ^ _WORD,
    )
    return header + message.payload


def receive(connection: socket.socket) -> Message | None:
    """Wait for the next message; None once the peer has closed the connection between messages.

    Raises:
        LinkLostError: The connection ended within a message, or the message is malformed.
    """
    header = _receive_exactly(connection, _HEADER.size)
    if not header:
        return None
    command, arg0, arg1, size, checksum, magic = _HEADER.unpack(header)
    if magic != command ^ _WORD or size > MAX_RECEIVED_BYTES:
        raise LinkLostError("Expected an ADB message from the device; got a malformed header; connect again")
    payload = _receive_exactly(connection, size)
    if len(payload) != size or _checksum(payload) != checksum:
        raise LinkLostError("Expected an intact ADB message; got a truncated or altered one; connect again")
    return Message(command, arg0, arg1, payload)


def _checksum(payload: bytes) -> int:
    # NumPy: summing in Python costs more than the transfer. The sum wraps in 32 bits, as it is meant to.
    return int(np.frombuffer(payload, np.uint8).sum(dtype=np.uint32))


def _receive_exactly(connection: socket.socket, size: int) -> bytes:
    buffer = bytearray(size)
    view = memoryview(buffer)
    filled = 0
    while filled < size:
        got = connection.recv_into(view[filled:])
        if got == 0:
            if filled:
                raise LinkLostError(
                    "Expected a whole ADB message; the device hung up within one; connect again"
                )
            return b""
        filled += got
    return bytes(buffer)
