"""A pseudo-terminal between a command and a stream."""

from __future__ import annotations

import asyncio
import fcntl
import os
import re
import struct
import termios
from asyncio.streams import FlowControlMixin
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from android_runner.emulator.command import READ_BYTES

# The text of a WINDOW_SIZE packet: rows, columns, and the same in pixels.
_SIZE = re.compile(rb"(\d{1,4})x(\d{1,4}),(\d{1,5})x(\d{1,5})\0?")


class Terminal:
    """The near end of a pseudo-terminal, ours; a command gets the far end.

    Attributes:
        reader: What the command writes, with the echo of what is typed; ends when the command has ended.
        far_end: Descriptor for the command, until `give_away`.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, near: int, far: int
    ) -> None:
        """Use `open` instead."""
        self.reader = reader
        self.far_end = far
        self._writer = writer
        self._near = near
        self._given_away = False

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Terminal]:
        """Give a new pseudo-terminal."""
        loop = asyncio.get_running_loop()
        near, far = os.openpty()
        reader = asyncio.StreamReader(limit=READ_BYTES)
        reading, _ = await loop.connect_read_pipe(
            lambda: _HungUpIsTheEnd(reader), open(os.dup(near), "rb", buffering=0)
        )
        writing, protocol = await loop.connect_write_pipe(
            lambda: FlowControlMixin(loop), open(os.dup(near), "wb", buffering=0)
        )
        terminal = cls(reader, asyncio.StreamWriter(writing, protocol, None, loop), near, far)
        try:
            yield terminal
        finally:
            reading.close()
            # Not closed in peace: there is nobody left to read what was typed last.
            writing.abort()
            terminal.give_away()
            os.close(near)

    def give_away(self) -> None:
        """Close our copy of the far end: once the command has ended, nobody holds one, and `reader` ends."""
        if not self._given_away:
            self._given_away = True
            os.close(self.far_end)

    async def type_in(self, data: bytes) -> None:
        """Put ``data`` in as if typed."""
        self._writer.write(data)
        await self._writer.drain()

    def resize(self, size: bytes) -> None:
        """Take the size of the client's window, ``ROWSxCOLUMNS,XxY``; a malformed one changes nothing."""
        if found := _SIZE.fullmatch(size):
            fcntl.ioctl(self._near, termios.TIOCSWINSZ, struct.pack("4H", *(int(n) for n in found.groups())))


class _HungUpIsTheEnd(asyncio.StreamReaderProtocol):
    """Takes EIO, which reading a terminal gives once its far end is closed, for the end of the data."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Feed the end."""
        del exc
        super().connection_lost(None)
