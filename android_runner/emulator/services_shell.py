"""The ``shell:``, ``shell,v2:`` and ``exec:`` services: commands in the phone's shell."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import struct
from asyncio.subprocess import PIPE, STDOUT, Process, SubprocessStreamProtocol
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from enum import IntEnum

from android_runner.emulator.connection import ServiceRefusedError
from android_runner.emulator.machine import Machine
from android_runner.emulator.protocol import MAX_PAYLOAD_BYTES
from android_runner.emulator.stream import Stream, StreamClosedError

HANG_UP_GRACE_S = 2.0
"""How long a command whose client is gone has between SIGHUP and SIGKILL."""
_READ_BYTES = 64 * 1024
_UMASK = 0o022
_PACKET = struct.Struct("<BI")

logger = logging.getLogger(__name__)


class PacketKind(IntEnum):
    """The first byte of a ``shell,v2:`` packet; its length (uint32) and data follow."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    EXIT = 3
    CLOSE_STDIN = 4
    WINDOW_SIZE = 5


async def serve_shell_v1(stream: Stream, machine: Machine, command: str) -> None:
    """Run ``command``; both outputs go to the stream as they come, what the client sends is its input."""
    async with _running(machine, command, stderr=STDOUT) as process:
        stream.accept()
        await _attend(
            stream, process, _raw_input(stream, process), _raw_output(stream, _reader(process.stdout))
        )


async def serve_shell_v2(stream: Stream, machine: Machine, command: str) -> None:
    """Run ``command``; outputs, input and exit code (128 + signal for a killed one) travel as packets."""
    async with _running(machine, command, stderr=PIPE) as process:
        stream.accept()
        ended = await _attend(
            stream,
            process,
            _packet_input(stream, process),
            _packet_output(stream, _reader(process.stdout), PacketKind.STDOUT),
            _packet_output(stream, _reader(process.stderr), PacketKind.STDERR),
        )
        if ended:
            code = await process.wait()
            exit_code = code if code >= 0 else 128 - code
            await stream.write(_packet(PacketKind.EXIT, bytes([exit_code & 0xFF])))


@asynccontextmanager
async def _running(machine: Machine, command: str, *, stderr: int) -> AsyncIterator[Process]:
    """Start a command in a session of its own; on the way out, hang up on it if it still runs."""
    loop = asyncio.get_running_loop()
    try:
        transport, protocol = await loop.subprocess_exec(
            lambda: SubprocessStreamProtocol(limit=_READ_BYTES, loop=loop),
            *machine.arguments(command),
            stdin=PIPE,
            stdout=PIPE,
            stderr=stderr,
            cwd=machine.working_directory(),
            env=machine.environment(),
            start_new_session=True,
            umask=_UMASK,
        )
    except (OSError, ValueError) as exc:
        raise ServiceRefusedError(f"the shell does not start: {exc}") from exc
    process = Process(transport, protocol, loop)
    try:
        yield process
    finally:
        await _hang_up(process)
        # Programs left in the background may hold the pipes' other ends for as long as they like.
        transport.close()


async def _attend(
    stream: Stream,
    process: Process,
    stdin: Coroutine[None, None, None],
    *outputs: Coroutine[None, None, None],
) -> bool:
    """Move data until the outputs end (true) or the client closes the stream (false)."""
    feeding = asyncio.create_task(stdin)
    draining = [asyncio.create_task(output) for output in outputs]
    leaving = asyncio.create_task(stream.wait_closed())
    try:
        pending = {*draining, leaving}
        while leaving in pending and len(pending) > 1:
            _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        return not leaving.done()
    finally:
        for task in (feeding, leaving, *draining):
            task.cancel()
        results = await asyncio.gather(feeding, leaving, *draining, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, (StreamClosedError, OSError)):
                logger.error("command %d: %r", process.pid, result)


async def _hang_up(process: Process) -> None:
    """Do to a command that still runs what a phone does when its terminal is gone.

    Programs it put into sessions of their own (``setsid``) are not touched, as on a phone.
    """
    for number in (signal.SIGHUP, signal.SIGKILL):
        if process.returncode is not None:
            return
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            async with asyncio.timeout(HANG_UP_GRACE_S):
                await process.wait()
        except TimeoutError:
            logger.info("command %d did not end on %s", process.pid, number.name)


async def _raw_input(stream: Stream, process: Process) -> None:
    while data := await stream.read():
        await _feed(process, data)


async def _packet_input(stream: Stream, process: Process) -> None:
    stdin = _writer(process.stdin)
    while True:
        kind, length = _PACKET.unpack(await stream.read_exactly(_PACKET.size))
        if length > MAX_PAYLOAD_BYTES:
            logger.warning("closed: expected a packet of at most %d bytes; got %d", MAX_PAYLOAD_BYTES, length)
            stream.close()
            return
        data = await stream.read_exactly(length)
        if kind == PacketKind.STDIN:
            await _feed(process, data)
        elif kind == PacketKind.CLOSE_STDIN:
            stdin.close()


async def _feed(process: Process, data: bytes) -> None:
    stdin = _writer(process.stdin)
    try:
        stdin.write(data)
        await stdin.drain()
    except ConnectionError:
        # The command does not read any more. What follows is read and dropped: the client must not stall.
        logger.debug("command %d has closed its input", process.pid)


async def _raw_output(stream: Stream, reader: asyncio.StreamReader) -> None:
    while data := await reader.read(_READ_BYTES):
        await stream.write(data)


async def _packet_output(stream: Stream, reader: asyncio.StreamReader, kind: PacketKind) -> None:
    while data := await reader.read(_READ_BYTES):
        await stream.write(_packet(kind, data))


def _packet(kind: PacketKind, data: bytes) -> bytes:
    return _PACKET.pack(kind, len(data)) + data


def _reader(pipe: asyncio.StreamReader | None) -> asyncio.StreamReader:
    if pipe is None:
        raise ServiceRefusedError("expected a pipe to the command; got none")
    return pipe


def _writer(pipe: asyncio.StreamWriter | None) -> asyncio.StreamWriter:
    if pipe is None:
        raise ServiceRefusedError("expected a pipe to the command; got none")
    return pipe
