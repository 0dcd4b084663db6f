"""Two services of an ADB device: its shell with exit codes (`shell,v2`) and file transfer (`sync`)."""

from __future__ import annotations

import os
import stat
import struct
import tempfile
import time
from pathlib import Path, PurePosixPath

from android_runner.adb_routes import Stream, Streams
from android_runner.deadline import Deadline
from android_runner.errors import DeviceFullError, LinkLostError, RemoteFileError
from android_runner.transport import ShellResult

# shell,v2: one byte of kind, four of length (AOSP shell_service.h).
_SHELL_HEADER = struct.Struct("<BI")
_STDOUT, _STDERR, _EXIT, _CLOSE_STDIN = 1, 2, 3, 4

# sync: four letters, four bytes of length or time (AOSP SYNC.TXT).
_SYNC_HEADER = struct.Struct("<4sI")
_SYNC_CHUNK_BYTES = 64 * 1024  # the protocol's limit

# More than any device puts into one message of either protocol.
_MAX_PIECE_BYTES = 1 << 20


def run_shell(streams: Streams, command: str, deadline: Deadline) -> ShellResult:
    """Run a command line with empty standard input; return both its outputs and its exit code."""
    stream = streams.open(f"shell,v2,raw:{command}", deadline)
    try:
        stream.write(_SHELL_HEADER.pack(_CLOSE_STDIN, 0), deadline)
        reader = _Reader(stream, deadline)
        outputs: dict[int, list[bytes]] = {_STDOUT: [], _STDERR: []}
        while True:
            kind, size = _SHELL_HEADER.unpack(reader.read(_SHELL_HEADER.size))
            payload = reader.read(size)
            if kind == _EXIT and payload:
                stdout, stderr = (
                    b"".join(outputs[key]).decode(errors="replace") for key in (_STDOUT, _STDERR)
                )
                return ShellResult(payload[0], stdout, stderr)
            if kind in outputs:
                outputs[kind].append(payload)
    finally:
        stream.close()


def push_file(
    streams: Streams, source: Path, destination: PurePosixPath, mode: int, deadline: Deadline
) -> None:
    """Write a file on the device, replacing what is there; a failure may leave a part of it."""
    with source.open("rb") as file:
        stream = streams.open("sync:", deadline)
        try:
            target = f"{destination},{stat.S_IFREG | mode}".encode()
            # Messages as large as the device takes, each with several of sync's small chunks.
            message = bytearray(_SYNC_HEADER.pack(b"SEND", len(target)) + target)
            room = streams.max_payload_bytes - _SYNC_CHUNK_BYTES - _SYNC_HEADER.size
            while chunk := file.read(_SYNC_CHUNK_BYTES):
                message += _SYNC_HEADER.pack(b"DATA", len(chunk)) + chunk
                if len(message) > room:
                    stream.write(bytes(message), deadline)
                    message.clear()
                    if stream.has_answer():
                        break  # it refuses already: a full disk, a bad path
            else:
                message += _SYNC_HEADER.pack(b"DONE", int(time.time()))
                stream.write(bytes(message), deadline)
            reader = _Reader(stream, deadline)
            answer, size = _SYNC_HEADER.unpack(reader.read(_SYNC_HEADER.size))
            if answer != b"OKAY":
                raise _refusal("write", destination, reader.read(size).decode(errors="replace"))
        finally:
            stream.close()


def pull_file(streams: Streams, source: PurePosixPath, destination: Path, deadline: Deadline) -> None:
    """Read a file of the device into a file that appears whole or not at all."""
    stream = streams.open("sync:", deadline)
    partial_fd, partial = tempfile.mkstemp(prefix=f".{destination.name}.", dir=destination.parent)
    try:
        name = str(source).encode()
        stream.write(_SYNC_HEADER.pack(b"RECV", len(name)) + name, deadline)
        reader = _Reader(stream, deadline)
        with os.fdopen(partial_fd, "wb") as file:
            while True:
                answer, size = _SYNC_HEADER.unpack(reader.read(_SYNC_HEADER.size))
                if answer == b"DONE":
                    break
                payload = reader.read(size)
                if answer != b"DATA":
                    raise _refusal("read", source, payload.decode(errors="replace"))
                file.write(payload)
        os.replace(partial, destination)
    finally:
        stream.close()
        Path(partial).unlink(missing_ok=True)


def _refusal(verb: str, path: PurePosixPath, reason: str) -> DeviceFullError | RemoteFileError:
    if "no space left" in reason.lower() or "quota exceeded" in reason.lower():
        return DeviceFullError(
            f"Expected space for {path} on the device; its disk is full; free some in /data/local/tmp"
        )
    return RemoteFileError(
        f"Expected to {verb} {path} on the device; it said: {reason.strip()}; check the path and its rights"
    )


class _Reader:
    """Cuts the messages of a stream into the pieces a protocol asks for."""

    def __init__(self, stream: Stream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline
        self._buffer = bytearray()

    def read(self, size: int) -> bytes:
        if size > _MAX_PIECE_BYTES:
            raise LinkLostError(
                f"Expected messages of up to {_MAX_PIECE_BYTES} bytes; the device announced {size}; "
                "connect again"
            )
        while len(self._buffer) < size:
            data = self._stream.read(self._deadline)
            if not data:
                raise LinkLostError(
                    "Expected a whole answer; the device closed the stream within it; try again"
                )
            self._buffer += data
        piece = bytes(self._buffer[:size])
        del self._buffer[:size]
        return piece
