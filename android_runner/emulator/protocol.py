"""ADB's transport messages: framing, checksums and the limits a peer has to keep.

A message is a header of six little-endian ``uint32`` (command, arg0, arg1, payload length, payload checksum,
command xor 0xffffffff) and its payload. The checksum is the sum of the payload's bytes; peers from version
0x01000001 on neither fill nor verify it, older ones (``adb-shell``) do both.
Source: ``protocol.txt`` of Android's adb.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

import numpy as np

VERSION = 0x01000001
VERSION_SKIP_CHECKSUM = 0x01000001
MAX_PAYLOAD_BYTES = 256 * 1024
"""The largest payload this daemon takes and, unless the peer takes less, sends."""
MAX_HANDSHAKE_BYTES = 4096
"""The largest payload before the peer has proved who it is."""

_HEADER = struct.Struct("<6I")
HEADER_BYTES = _HEADER.size


class Command(IntEnum):
    """The first word of a message: four ASCII letters, little-endian."""

    CNXN = 0x4E584E43
    AUTH = 0x48545541
    OPEN = 0x4E45504F
    OKAY = 0x59414B4F
    WRTE = 0x45545257
    CLSE = 0x45534C43


class AuthKind(IntEnum):
    """The first argument of an AUTH message."""

    TOKEN = 1
    SIGNATURE = 2
    PUBLIC_KEY = 3


class ProtocolError(Exception):
    """A message that no ADB peer sends; the connection that carried it is of no further use."""


@dataclass(frozen=True)
class Header:
    """A message's first 24 bytes, checked as far as they can be without the payload."""

    command: Command
    arg0: int
    arg1: int
    payload_bytes: int
    checksum: int


@dataclass(frozen=True)
class Message:
    """A whole message; what the arguments mean depends on the command."""

    command: Command
    arg0: int
    arg1: int
    payload: bytes = b""


def payload_checksum(payload: bytes) -> int:
    """Return the sum of the payload's bytes modulo 2^32."""
    # NumPy: adding in Python takes longer than everything else that is done with a payload.
    return int(np.frombuffer(payload, np.uint8).sum(dtype=np.uint32))


def encode(message: Message) -> bytes:
    """Return the message as it goes over the wire, its checksum always filled in (older peers verify it)."""
    return (
        _HEADER.pack(
            message.command,
            message.arg0,
            message.arg1,
            len(message.payload),
            payload_checksum(message.payload),
            message.command ^ 0xFFFFFFFF,
        )
        + message.payload
    )


def decode_header(data: bytes, *, limit_bytes: int) -> Header:
    """Return the header in ``data``, which is `HEADER_BYTES` long.

    Raises:
        ProtocolError: The magic or the command is wrong, or the payload would exceed ``limit_bytes``.
    """
    if len(data) != HEADER_BYTES:
        raise ProtocolError(f"expected a header of {HEADER_BYTES} bytes; got {len(data)}")
    word, arg0, arg1, payload_bytes, checksum, magic = _HEADER.unpack(data)
    if magic != word ^ 0xFFFFFFFF:
        raise ProtocolError(f"expected magic {word ^ 0xFFFFFFFF:#010x}; got {magic:#010x}")
    try:
        command = Command(word)
    except ValueError:
        raise ProtocolError(f"expected a known command; got {word:#010x}") from None
    if payload_bytes > limit_bytes:
        raise ProtocolError(f"expected a payload of at most {limit_bytes} bytes; got {payload_bytes}")
    return Header(command, arg0, arg1, payload_bytes, checksum)


def check_payload(header: Header, payload: bytes, *, peer_version: int) -> None:
    """Verify the payload's checksum where the peer's version says that it fills it.

    Raises:
        ProtocolError: The checksum is not the header's.
    """
    if peer_version < VERSION_SKIP_CHECKSUM and payload_checksum(payload) != header.checksum:
        raise ProtocolError(
            f"expected payload checksum {header.checksum:#x}; got {payload_checksum(payload):#x}"
        )
