"""One client's connection: handshake, authentication, and the streams over it."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Coroutine, Sequence
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import rsa

from android_runner.emulator.auth import Challenge
from android_runner.emulator.protocol import (
    HEADER_BYTES,
    MAX_HANDSHAKE_BYTES,
    MAX_PAYLOAD_BYTES,
    VERSION,
    AuthKind,
    Command,
    Message,
    ProtocolError,
    check_payload,
    decode_header,
    encode,
)
from android_runner.emulator.stream import Stream, StreamClosedError

HANDSHAKE_TIMEOUT_S = 20.0
MAX_STREAMS = 256
_LOGGED_CHARACTERS = 200

logger = logging.getLogger(__name__)


class ServiceRefusedError(Exception):
    """The client asked for a service that is not there, or that cannot be had now."""


class Services(Protocol):
    """What runs behind the streams of one connection."""

    async def serve(self, connection: Connection, stream: Stream, destination: str) -> None:
        """Accept the stream and serve it to its end; raise `ServiceRefusedError` to refuse it."""

    def close(self) -> None:
        """Give back what outlives single streams."""


class Connection:
    """The device's side of one ADB connection.

    Attributes:
        max_payload_bytes: The largest payload that both sides take.
    """

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        keys: Sequence[rsa.RSAPublicKey],
        banner: str,
        services: Services,
    ) -> None:
        """Serve ``services`` to a client that owns one of ``keys``; ``banner`` is the text of our CNXN."""
        self.max_payload_bytes = MAX_HANDSHAKE_BYTES
        self._reader = reader
        self._writer = writer
        self._draining = asyncio.Lock()
        self._challenge = Challenge(keys)
        self._banner = banner
        self._services = services
        self._peer_version = VERSION
        self._online = False
        self._streams: dict[int, Stream] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._ids = itertools.count(1)

    async def run(self) -> None:
        """Serve the client until it leaves or breaks the protocol."""
        try:
            async with asyncio.timeout(HANDSHAKE_TIMEOUT_S):
                greeting = await self._read()
            if greeting.command is not Command.CNXN:
                raise ProtocolError(f"expected CNXN first; got {greeting.command.name}")
            self._greet(greeting)
            while True:
                self._dispatch(await self._read())
        except (asyncio.IncompleteReadError, ConnectionError):
            logger.info("client left")
        except TimeoutError:
            logger.warning("closed: no CNXN within %g s", HANDSHAKE_TIMEOUT_S)
        except ProtocolError as exc:
            logger.warning("closed: %s", exc)
        finally:
            await self._shut_down()

    def post(self, message: Message) -> None:
        """Queue a small message without waiting for the client to read."""
        if not self._writer.is_closing():
            self._writer.write(encode(message))

    async def send(self, message: Message) -> None:
        """Queue a message and wait until the client has read enough of what came before."""
        self.post(message)
        async with self._draining:
            await self._writer.drain()

    async def open_stream(self, destination: str) -> Stream:
        """Open a stream to a service of the client (``reverse:``).

        Raises:
            StreamClosedError: The client refused.
        """
        stream = self._new_stream(remote_id=0)
        await self.send(Message(Command.OPEN, stream.local_id, 0, destination.encode() + b"\0"))
        try:
            await stream.wait_accepted()
        except StreamClosedError:
            self._streams.pop(stream.local_id, None)
            raise
        return stream

    def forget(self, stream: Stream) -> None:
        """Close a stream and give back its number."""
        stream.close()
        self._streams.pop(stream.local_id, None)

    # --- messages

    async def _read(self) -> Message:
        limit_bytes = MAX_PAYLOAD_BYTES if self._online else MAX_HANDSHAKE_BYTES
        header = decode_header(await self._reader.readexactly(HEADER_BYTES), limit_bytes=limit_bytes)
        payload = await self._reader.readexactly(header.payload_bytes)
        # The first message names the version by which it is to be read itself.
        peer_version = header.arg0 if header.command is Command.CNXN else self._peer_version
        check_payload(header, payload, peer_version=peer_version)
        return Message(header.command, header.arg0, header.arg1, payload)

    def _greet(self, greeting: Message) -> None:
        self._peer_version = greeting.arg0
        self.max_payload_bytes = min(greeting.arg1, MAX_PAYLOAD_BYTES)
        if self.max_payload_bytes < 1:
            raise ProtocolError("expected a peer that takes payloads; got a limit of 0 bytes")
        logger.info("greeted by version %#x, payloads up to %d bytes", greeting.arg0, greeting.arg1)
        self._post_token()

    def _post_token(self) -> None:
        self.post(Message(Command.AUTH, AuthKind.TOKEN, 0, self._challenge.next_token()))

    def _dispatch(self, message: Message) -> None:
        if not self._online:
            self._authenticate(message)
        elif message.command is Command.OPEN:
            self._open(message)
        elif message.command in (Command.WRTE, Command.OKAY, Command.CLSE):
            self._deliver(message)
        else:
            raise ProtocolError(f"expected a stream message; got {message.command.name}")

    def _authenticate(self, message: Message) -> None:
        if message.command is not Command.AUTH:
            raise ProtocolError(f"expected AUTH before anything else; got {message.command.name}")
        if message.arg0 == AuthKind.SIGNATURE:
            if self._challenge.accepts(message.payload):
                self._online = True
                logger.info("authenticated")
                self.post(Message(Command.CNXN, VERSION, MAX_PAYLOAD_BYTES, self._banner.encode()))
            elif self._challenge.exhausted:
                raise ProtocolError("expected a signature by a known key; got too many others")
            else:
                self._post_token()
        elif message.arg0 == AuthKind.PUBLIC_KEY:
            # A phone would ask its owner now. This one has none: the client stays "unauthorized".
            logger.warning("refused a key that is not authorised")
        else:
            raise ProtocolError(f"expected a signature or a public key; got AUTH of kind {message.arg0}")

    def _open(self, message: Message) -> None:
        if not message.arg0:
            raise ProtocolError("expected OPEN with the client's stream number; got 0")
        try:
            destination = message.payload.rstrip(b"\0").decode()
        except UnicodeDecodeError:
            raise ProtocolError("expected OPEN with a destination in UTF-8; got other bytes") from None
        if len(self._streams) >= MAX_STREAMS:
            logger.warning("refused %.*s: too many streams", _LOGGED_CHARACTERS, destination)
            self.post(Message(Command.CLSE, 0, message.arg0))
            return
        stream = self._new_stream(remote_id=message.arg0)
        self.start(self._serve(stream, destination))

    def _deliver(self, message: Message) -> None:
        stream = self._streams.get(message.arg1)
        if stream is None:
            # A stream that we closed while this was under way; only data needs an answer.
            if message.command is Command.WRTE:
                self.post(Message(Command.CLSE, 0, message.arg0))
        elif message.command is Command.WRTE:
            stream.on_data(message.payload)
        elif message.command is Command.OKAY:
            stream.on_okay(message.arg0)
        else:
            stream.close()

    # --- streams

    def start(self, coroutine: Coroutine[None, None, None]) -> None:
        """Run a coroutine as part of this connection: it is cancelled when the connection ends."""
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _new_stream(self, *, remote_id: int) -> Stream:
        stream = Stream(self, next(self._ids), remote_id)
        self._streams[stream.local_id] = stream
        return stream

    async def _serve(self, stream: Stream, destination: str) -> None:
        logger.info("open %.*s", _LOGGED_CHARACTERS, destination)
        try:
            await self._services.serve(self, stream, destination)
        except ServiceRefusedError as exc:
            logger.info("refused %.*s: %s", _LOGGED_CHARACTERS, destination, exc)
        except (StreamClosedError, ConnectionError):
            logger.debug("client closed %.*s", _LOGGED_CHARACTERS, destination)
        except OSError:
            logger.exception("failed %.*s", _LOGGED_CHARACTERS, destination)
        finally:
            self.forget(stream)

    async def _shut_down(self) -> None:
        for stream in self._streams.values():
            stream.on_connection_lost()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._services.close()
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except ConnectionError:
            logger.debug("the client's side was gone already")
