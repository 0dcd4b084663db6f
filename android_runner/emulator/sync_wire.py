"""The records of ADB's ``sync:`` service: four letters, then little-endian numbers.

Source: ``file_sync_protocol.h`` of Android's adb. Version 1 of a status has 32-bit size and time; version 2
has everything that ``stat`` knows and says why there is none.
"""

from __future__ import annotations

import errno
import os
import struct

MAX_PATH_BYTES = 1024
MAX_DATA_BYTES = 64 * 1024
"""The largest DATA record either side may send."""

_NUMBER = struct.Struct("<4sI")
_STATUS_V1 = struct.Struct("<4s3I")
_STATUS_V2 = struct.Struct("<4sIQQIIIIQqqq")
_ENTRY_V1 = struct.Struct("<4s4I")
_ENTRY_V2 = struct.Struct("<4sIQQIIIIQqqqI")

RECORD_BYTES = _NUMBER.size
_U32 = 0xFFFFFFFF


def unpack_record(data: bytes) -> tuple[bytes, int]:
    """Return the letters and the number of a request or of a DATA or DONE record (`RECORD_BYTES` long)."""
    letters, number = _NUMBER.unpack(data)
    return letters, number


def record(letters: bytes, number: int, tail: bytes = b"") -> bytes:
    """Return letters, a number (mostly the tail's length) and the tail."""
    return _NUMBER.pack(letters, number) + tail


def failure(message: str) -> bytes:
    """Return a FAIL record."""
    text = message.encode()
    return record(b"FAIL", len(text), text)


def status_v1(status: os.stat_result | None) -> bytes:
    """Return a STAT answer, all zeros for what is not there."""
    return _STATUS_V1.pack(b"STAT", *_numbers_v1(status))


def status_v2(letters: bytes, status: os.stat_result | OSError) -> bytes:
    """Return a STA2 or LST2 answer; an error is told by its number."""
    return _STATUS_V2.pack(letters, *_numbers_v2(status))


def entry(name: str, status: os.stat_result | OSError, *, version: int) -> bytes:
    """Return a folder's entry, DENT (version 1) or DNT2."""
    text = os.fsencode(name)
    if version == 1:
        numbers = _numbers_v1(status if isinstance(status, os.stat_result) else None)
        return _ENTRY_V1.pack(b"DENT", *numbers, len(text)) + text
    return _ENTRY_V2.pack(b"DNT2", *_numbers_v2(status), len(text)) + text


def last_entry(*, version: int) -> bytes:
    """Return the record that ends a folder's entries."""
    size = _ENTRY_V1.size if version == 1 else _ENTRY_V2.size
    return b"DONE".ljust(size, b"\0")


def _numbers_v1(status: os.stat_result | None) -> tuple[int, int, int]:
    if status is None:
        return (0, 0, 0)
    return (status.st_mode, status.st_size & _U32, int(status.st_mtime) & _U32)


def _numbers_v2(status: os.stat_result | OSError) -> tuple[int, ...]:
    if isinstance(status, OSError):
        return (status.errno or errno.EIO, *(0,) * 10)
    return (
        0,
        status.st_dev,
        status.st_ino,
        status.st_mode,
        status.st_nlink,
        status.st_uid,
        status.st_gid,
        status.st_size,
        int(status.st_atime),
        int(status.st_mtime),
        int(status.st_ctime),
    )
