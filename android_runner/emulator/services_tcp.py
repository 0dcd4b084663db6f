"""The ``tcp:`` and ``reverse:`` services: connections from the client to the phone's ports, and back."""

from __future__ import annotations

import asyncio
import logging
import re

from android_runner.emulator.connection import Connection, ServiceRefusedError
from android_runner.emulator.stream import Stream, StreamClosedError

CONNECT_TIMEOUT_S = 5.0
_READ_BYTES = 64 * 1024
_LOOPBACK = "127.0.0.1"
_LOOPBACK_NAMES = ("", "127.0.0.1", "localhost")

logger = logging.getLogger(__name__)


async def serve_tcp(stream: Stream, destination: str) -> None:
    """Connect the stream to ``PORT`` or ``PORT:HOST`` of the phone, its loopback only.

    Raises:
        ServiceRefusedError: Nothing listens there; the client learns it at once.
    """
    port_text, _, host = destination.partition(":")
    if host not in _LOOPBACK_NAMES:
        raise ServiceRefusedError(f"expected a port of the phone itself; got host {host!r}")
    port = _port(port_text)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            # asyncio sets TCP_NODELAY on every TCP connection by itself.
            reader, writer = await asyncio.open_connection(_LOOPBACK, port)
    except OSError as exc:
        # TimeoutError is an OSError too.
        raise ServiceRefusedError(f"port {port}: {exc}") from exc
    stream.accept()
    await join(stream, reader, writer)


async def join(stream: Stream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy between a stream and a TCP connection until either side ends; ADB knows no half-closed stream."""
    upward = asyncio.create_task(_copy_to_socket(stream, writer))
    downward = asyncio.create_task(_copy_to_stream(reader, stream))
    try:
        await asyncio.wait({upward, downward}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (upward, downward):
            task.cancel()
        await asyncio.gather(upward, downward, return_exceptions=True)
        writer.close()
        try:
            await writer.wait_closed()
        except OSError:
            logger.debug("the phone's side of the connection was gone already")


async def _copy_to_socket(stream: Stream, writer: asyncio.StreamWriter) -> None:
    while data := await stream.read():
        writer.write(data)
        await writer.drain()


async def _copy_to_stream(reader: asyncio.StreamReader, stream: Stream) -> None:
    while data := await reader.read(_READ_BYTES):
        await stream.write(data)


class ReverseForwards:
    """The ports of the phone that one client has had forwarded to ports of its own."""

    def __init__(self, connection: Connection) -> None:
        """Forward to ``connection``'s client."""
        self._connection = connection
        self._listeners: dict[str, tuple[asyncio.Server, str]] = {}

    async def serve(self, stream: Stream, request: str) -> None:
        """Answer ``forward:[norebind:]tcp:P;HOST``, ``killforward:tcp:P``, and ``-all``, ``list-forward``."""
        stream.accept()
        verb, _, rest = request.partition(":")
        try:
            if verb == "forward":
                answer = b"OKAY" + await self._forward(rest)
            elif verb == "killforward":
                self._kill(rest)
                answer = b"OKAY"
            elif request == "killforward-all":
                self.close()
                answer = b"OKAY"
            elif request == "list-forward":
                answer = _counted(
                    "".join(f"emulator {phone} {host}\n" for phone, (_, host) in self._listeners.items())
                )
            else:
                raise ServiceRefusedError(f"expected a reverse request; got {request!r}")
        except (ServiceRefusedError, OSError) as exc:
            answer = b"FAIL" + _counted(str(exc))
        await stream.write(answer)

    def close(self) -> None:
        """Stop listening on every port."""
        for phone in list(self._listeners):
            self._kill(phone)

    async def _forward(self, rest: str) -> bytes:
        norebind = rest.startswith("norebind:")
        phone, _, host = rest.removeprefix("norebind:").partition(";")
        if not re.fullmatch(r"tcp:\d+", phone) or not host:
            raise ServiceRefusedError(f"expected tcp:PORT;DESTINATION; got {rest!r}")
        if phone in self._listeners:
            if norebind:
                raise ServiceRefusedError(f"cannot rebind {phone}")
            self._kill(phone)
        asked = _port(phone.removeprefix("tcp:"), lowest=0)
        server = await asyncio.start_server(
            lambda reader, writer: self._accept(host, reader, writer), _LOOPBACK, asked
        )
        port = server.sockets[0].getsockname()[1]
        self._listeners[f"tcp:{port}"] = (server, host)
        return b"" if asked else _counted(str(port))

    def _kill(self, phone: str) -> None:
        if phone not in self._listeners:
            raise ServiceRefusedError(f"listener '{phone}' not found")
        server, _ = self._listeners.pop(phone)
        server.close()

    def _accept(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connection.start(self._forward_connection(host, reader, writer))

    async def _forward_connection(
        self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            stream = await self._connection.open_stream(host)
        except StreamClosedError:
            logger.info("the client refused %s", host)
            writer.close()
            return
        try:
            await join(stream, reader, writer)
        finally:
            self._connection.forget(stream)


def _port(text: str, *, lowest: int = 1) -> int:
    if not re.fullmatch(r"\d{1,5}", text) or not lowest <= int(text) <= 65535:
        raise ServiceRefusedError(f"expected a port from {lowest} to 65535; got {text!r}")
    return int(text)


def _counted(text: str) -> bytes:
    data = text.encode()
    return b"%04x" % len(data) + data
