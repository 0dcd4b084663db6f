"""One ADB stream: payloads in both directions, each acknowledged before the next is sent."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

from android_runner.emulator.protocol import Command, Message, ProtocolError

MAX_UNREAD_BYTES = 4 * 1024 * 1024
"""A peer that waits for acknowledgements has one payload under way; one that never waits is stopped here."""


class StreamClosedError(Exception):
    """The stream ended while a service still wanted to read from it or write to it."""


class Link(Protocol):
    """What a stream needs of the connection it belongs to."""

    max_payload_bytes: int

    def post(self, message: Message) -> None:
        """Queue a message without waiting."""

    async def send(self, message: Message) -> None:
        """Queue a message and wait until the connection takes more."""


class Stream:
    """A two-way stream between a service and the client.

    Attributes:
        local_id: Our number for it, never 0.
        remote_id: The client's number for it; 0 while a stream that we opened is not answered yet.
    """

    def __init__(self, link: Link, local_id: int, remote_id: int) -> None:
        """Create a stream that is not accepted yet: `accept` or `close` answers the client's OPEN."""
        self.local_id = local_id
        self.remote_id = remote_id
        self._link = link
        self._accepted = False
        self._closed = asyncio.Event()
        self._acknowledged = asyncio.Event()
        self._arrived = asyncio.Event()
        self._unread: deque[bytes] = deque()
        self._unread_bytes = 0
        self._partial = bytearray()
        self._writing = asyncio.Lock()

    # --- for services

    def accept(self) -> None:
        """Tell the client that its OPEN is granted."""
        self._accepted = True
        self._link.post(Message(Command.OKAY, self.local_id, self.remote_id))

    async def wait_accepted(self) -> None:
        """Wait for the client's answer to a stream that we opened.

        Raises:
            StreamClosedError: It refused.
        """
        await self._acknowledged.wait()
        if self._closed.is_set():
            raise StreamClosedError
        self._accepted = True

    async def read(self) -> bytes:
        """Return the next payload; ``b""`` once the stream has ended and everything in it was read."""
        if self._partial:
            payload = bytes(self._partial)
            self._partial.clear()
            return payload
        while not self._unread:
            if self._closed.is_set():
                return b""
            self._arrived.clear()
            await self._arrived.wait()
        payload = self._unread.popleft()
        self._unread_bytes -= len(payload)
        if not self._closed.is_set():
            self._link.post(Message(Command.OKAY, self.local_id, self.remote_id))
        return payload

    async def read_exactly(self, count: int) -> bytes:
        """Return the next ``count`` bytes.

        Raises:
            StreamClosedError: The stream ended before.
        """
        while len(self._partial) < count:
            held = bytes(self._partial)
            self._partial.clear()
            payload = await self.read()
            self._partial += held + payload
            if not payload:
                raise StreamClosedError
        data = bytes(self._partial[:count])
        del self._partial[:count]
        return data

    async def write(self, data: bytes) -> None:
        """Send ``data``, however long, and return when the client has acknowledged all of it.

        Raises:
            StreamClosedError: The stream ended before.
        """
        async with self._writing:
            step = self._link.max_payload_bytes
            for start in range(0, len(data), step):
                if self._closed.is_set():
                    raise StreamClosedError
                self._acknowledged.clear()
                chunk = data[start : start + step]
                await self._link.send(Message(Command.WRTE, self.local_id, self.remote_id, chunk))
                await self._acknowledged.wait()
            if self._closed.is_set():
                raise StreamClosedError

    async def wait_closed(self) -> None:
        """Return when either side has closed the stream."""
        await self._closed.wait()

    def close(self) -> None:
        """End the stream and tell the client so, once; a stream never accepted is thereby refused."""
        if self._closed.is_set():
            return
        self._end()
        if self.remote_id:
            local_id = self.local_id if self._accepted else 0
            self._link.post(Message(Command.CLSE, local_id, self.remote_id))

    # --- for the connection

    def on_okay(self, remote_id: int) -> None:
        """Take the client's acknowledgement, or its consent to a stream that we opened."""
        if not self.remote_id:
            self.remote_id = remote_id
        self._acknowledged.set()

    def on_data(self, payload: bytes) -> None:
        """Take a payload.

        Raises:
            ProtocolError: The client sends on and on without waiting for acknowledgements.
        """
        if self._closed.is_set():
            return
        if not payload:
            self._link.post(Message(Command.OKAY, self.local_id, self.remote_id))
            return
        self._unread.append(payload)
        self._unread_bytes += len(payload)
        if self._unread_bytes > MAX_UNREAD_BYTES:
            raise ProtocolError(f"expected the peer to wait for OKAY; got {self._unread_bytes} unread bytes")
        self._arrived.set()

    def on_connection_lost(self) -> None:
        """End the stream without a word to a client that is gone."""
        self._end()

    def _end(self) -> None:
        self._closed.set()
        self._acknowledged.set()
        self._arrived.set()
