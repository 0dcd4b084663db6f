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
HEADER_BYTES = _HEADER.size
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


@dataclass(frozen=True)
class Header:
    """A message without its payload, checked as far as it can be so.

    Attributes:
        command: See `Message`.
        arg0: Likewise.
        arg1: Likewise.
        payload_bytes: How long the payload is that follows.
        checksum: The sum of its bytes.
    """

    command: int
    arg0: int
    arg1: int
    payload_bytes: int
    checksum: int

    def message(self, payload: bytes) -> Message:
        """Put the payload to it; raises LinkLostError where it is not the one that was sent."""
        if len(payload) != self.payload_bytes or _checksum(payload) != self.checksum:
            raise LinkLostError(
                "Expected an intact ADB message; got a truncated or altered one; connect again"
            )
        return Message(self.command, self.arg0, self.arg1, payload)


def encode_header(message: Message) -> bytes:
    """Return the header of a message as it goes over the wire."""
    return _HEADER.pack(
        message.command,
        message.arg0,
        message.arg1,
        len(message.payload),
        _checksum(message.payload),
        message.command ^ _WORD,
    )


def encode(message: Message) -> bytes:
    """Return a message as it goes over the wire."""
    return encode_header(message) + message.payload


def decode_header(data: bytes) -> Header:
    """Return the header in data; raises LinkLostError where it is none."""
    if len(data) == HEADER_BYTES:
        command, arg0, arg1, size, checksum, magic = _HEADER.unpack(data)
        if magic == command ^ _WORD and size <= MAX_RECEIVED_BYTES:
            return Header(command, arg0, arg1, size, checksum)
    raise LinkLostError("Expected an ADB message from the device; got a malformed header; connect again")


def receive(connection: socket.socket) -> Message | None:
    """Wait for the next message; None once the peer has closed the connection between messages.

    Raises:
        LinkLostError: The connection ended within a message, or the message is malformed.
    """
    data = _receive_exactly(connection, HEADER_BYTES)
    if not data:
        return None
    header = decode_header(data)
    return header.message(_receive_exactly(connection, header.payload_bytes))


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
