"""The packets of ``shell,v2:``: one byte of kind, a little-endian length of four, data.

Source: ``shell_protocol.h`` of Android's adb.
"""

from __future__ import annotations

import struct
from enum import IntEnum

from android_runner.emulator.protocol import MAX_PAYLOAD_BYTES
from android_runner.emulator.stream import Stream, StreamClosedError

_HEAD = struct.Struct("<BI")


class PacketKind(IntEnum):
    """What a packet holds."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    EXIT = 3
    CLOSE_STDIN = 4
    WINDOW_SIZE = 5


def packet(kind: PacketKind, data: bytes = b"") -> bytes:
    """Return a packet."""
    return _HEAD.pack(kind, len(data)) + data


async def read_packet(stream: Stream) -> tuple[int, bytes]:
    """Return the client's next packet: its kind, which may be none we know, and its data.

    Raises:
        StreamClosedError: The stream has ended, or the packet is too large and it is closed here.
    """
    kind, length = _HEAD.unpack(await stream.read_exactly(_HEAD.size))
    if length > MAX_PAYLOAD_BYTES:
        stream.close()
        raise StreamClosedError(f"expected a packet of at most {MAX_PAYLOAD_BYTES} bytes; got {length}")
    return kind, await stream.read_exactly(length)
