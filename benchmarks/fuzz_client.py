"""Mutated answers of a phone, for `benchmarks.fuzz`: what our ADB client makes of them.

Whatever a phone sends, a call ends in time, with a result or a `DeviceError`.
"""

import random
import socket
import struct
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from android_runner.adb_messages import receive
from android_runner.adb_services import pull_file, push_file, run_shell
from android_runner.adb_streams import AdbStreams
from android_runner.deadline import Deadline
from android_runner.errors import DeviceError, LinkLostError
from benchmarks.fuzz_mutate import adb_message, mutated, mutated_script

_LIMIT_S = 5.0
_MAX_PAYLOAD_BYTES = 1 << 18


class _Bytes:
    """As much of a socket as `receive` uses, over bytes."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def recv_into(self, view: memoryview) -> int:
        part = self._data[self._at : self._at + len(view)]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)


_MESSAGES = (
    adb_message(b"OKAY", 7, 1),
    adb_message(b"WRTE", 7, 1, b"some text") + adb_message(b"CLSE", 7, 1),
    adb_message(b"WRTE", 7, 1, bytes(range(256))),
)


def try_messages(rng: random.Random) -> None:
    """Read messages to the end of the input."""
    connection = _Bytes(mutated(rng, rng.choice(_MESSAGES)))
    try:
        while receive(connection) is not None:  # type: ignore[arg-type]
            pass
    except LinkLostError:
        pass  # what a malformed message is to be


def _shell(kind: int, data: bytes) -> bytes:
    return struct.pack("<BI", kind, len(data)) + data


def _sync(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data


# The first stream of a connection has number 1 here; 7 is the phone's.
_OPENED = (b"OKAY", 7, 1, b"")
_ENDED = (b"CLSE", 7, 1, b"")
_SHELL = (_OPENED, _OPENED, (b"WRTE", 7, 1, _shell(1, b"out") + _shell(2, b"err") + _shell(3, b"\0")), _ENDED)
_PULL = (
    _OPENED,
    _OPENED,
    (b"WRTE", 7, 1, _sync(b"DATA", b"content") + _sync(b"DONE", b"")),
    _ENDED,
)
_PUSH = (_OPENED, _OPENED, _OPENED, (b"WRTE", 7, 1, _sync(b"OKAY", b"")), _ENDED)
_REFUSED = (_OPENED, _OPENED, (b"WRTE", 7, 1, _sync(b"FAIL", b"No space left on device")), _ENDED)


class ClientCalls:
    """Makes calls on connections whose other end has said all that it will say."""

    def __init__(self, folder: Path) -> None:
        """Keep files in ``folder``."""
        self._source = folder / "source"
        self._source.write_bytes(b"source")
        self._target = folder / "target"

    def try_call(self, rng: random.Random) -> None:
        """Make a call against a mutated conversation."""
        call, script = rng.choice(
            ((self._shell, _SHELL), (self._pull, _PULL), (self._push, _PUSH), (self._pull, _REFUSED))
        )
        near, far = socket.socketpair()
        try:
            far.sendall(mutated_script(rng, script))
            far.shutdown(socket.SHUT_WR)
            streams = AdbStreams(near, _MAX_PAYLOAD_BYTES, "fuzzed")
            self._make(streams, call)
            streams.close()
        finally:
            far.close()
            near.close()

    def _make(self, streams: AdbStreams, call: Callable[[AdbStreams, Deadline], None]) -> None:
        deadline = Deadline(_LIMIT_S, "answer")
        try:
            call(streams, deadline)
        except DeviceError:
            pass  # what an answer that makes no sense is to be

    def _shell(self, streams: AdbStreams, deadline: Deadline) -> None:
        run_shell(streams, "true", deadline)

    def _pull(self, streams: AdbStreams, deadline: Deadline) -> None:
        pull_file(streams, PurePosixPath("/data/x"), self._target, deadline)

    def _push(self, streams: AdbStreams, deadline: Deadline) -> None:
        push_file(streams, self._source, PurePosixPath("/data/x"), 0o644, deadline)
