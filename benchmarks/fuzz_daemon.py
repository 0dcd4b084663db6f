"""Mutated clients of the emulated phone, for `benchmarks.fuzz`: what its ADB daemon makes of them.

Whatever a client sends, its connection ends when it has said everything, and nothing is raised.
"""

import asyncio
import random
import struct
from pathlib import Path
from typing import Any, cast

from android_runner.emulator.confined import ConfinedRoot
from android_runner.emulator.connection import Connection, ServiceRefusedError
from android_runner.emulator.services_sync import serve_sync
from android_runner.emulator.shell_packets import read_packet
from android_runner.emulator.stream import Stream
from benchmarks.fuzz_mutate import mutated_script

_VERSION = 0x01000001
_OLD_VERSION = 0x01000000  # whose checksums are looked at


class _KnownKey:
    """Takes every signature for its own, so that inputs come past the login."""

    def verify(self, *_: Any) -> None:
        """Accept."""


class _Writer:
    """A writer whose bytes nobody reads."""

    def __init__(self) -> None:
        self._closing = False

    def write(self, data: bytes) -> None:
        """Drop it."""

    def is_closing(self) -> bool:
        return self._closing

    async def drain(self) -> None:
        """Nothing to wait for."""

    def close(self) -> None:
        self._closing = True

    async def wait_closed(self) -> None:
        """Nothing to wait for."""


class _Services:
    """The phone's own file transfer, and a shell that only reads."""

    def __init__(self, root: Path) -> None:
        self._root = ConfinedRoot(root)

    async def serve(self, _connection: Connection, stream: Stream, destination: str) -> None:
        if destination.startswith("sync:"):
            await serve_sync(stream, self._root)
        elif destination.startswith("shell"):
            stream.accept()
            while True:
                await read_packet(stream)
        else:
            raise ServiceRefusedError("expected sync or shell")

    def close(self) -> None:
        """Nothing outlives a stream."""


def _sync(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data


_LOGIN = (
    (b"CNXN", _VERSION, 1 << 18, b"host::features=shell_v2\0"),
    (b"AUTH", 2, 0, bytes(256)),
)
_SHELL = (
    (b"OPEN", 1, 0, b"shell,v2,raw:true\0"),
    (b"WRTE", 1, 1, struct.pack("<BI", 0, 5) + b"input" + struct.pack("<BI", 3, 0)),
    (b"CLSE", 1, 1, b""),
)
_STAT = ((b"OPEN", 1, 0, b"sync:\0"), (b"WRTE", 1, 1, _sync(b"STAT", b"/data") + _sync(b"LIST", b"/data")))
_SEND = (
    (b"OPEN", 1, 0, b"sync:\0"),
    (b"WRTE", 1, 1, _sync(b"SEND", b"/data/x,33188") + _sync(b"DATA", b"content") + b"DONE\0\0\0\0"),
    (b"WRTE", 1, 1, _sync(b"RECV", b"/data/x")),
    (b"OKAY", 1, 1, b""),
    (b"WRTE", 1, 1, _sync(b"QUIT", b"")),
)
_SCRIPTS = (_LOGIN, _LOGIN + _SHELL, _LOGIN + _SHELL, _LOGIN + _STAT, _LOGIN + _SEND)


class DaemonConnections:
    """Serves one mutated client after the other."""

    def __init__(self, root: Path) -> None:
        """Keep the phone's files in ``root``."""
        (root / "data").mkdir(exist_ok=True)
        self._services = _Services(root)
        self._runner = asyncio.Runner()

    def try_connection(self, rng: random.Random) -> None:
        """Serve a client until it has said everything."""
        script = rng.choice(_SCRIPTS)
        if rng.randrange(4) == 0:
            script = ((b"CNXN", _OLD_VERSION, *script[0][2:]), *script[1:])
        self._runner.run(self._serve(mutated_script(rng, script)))

    async def _serve(self, data: bytes) -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        connection = Connection(
            reader,
            cast(asyncio.StreamWriter, _Writer()),
            keys=[cast(Any, _KnownKey())],
            banner="device::",
            services=self._services,
        )
        await connection.run()

    def close(self) -> None:
        """End the event loop."""
        self._runner.close()
