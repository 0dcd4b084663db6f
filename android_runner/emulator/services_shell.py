"""The ``shell:``, ``shell,v2:`` and ``exec:`` services: commands in the phone's shell."""

from __future__ import annotations

import asyncio
import logging
from asyncio.subprocess import STDOUT, Process
from collections.abc import Callable
from typing import TypeVar

from android_runner.emulator.command import READ_BYTES, attend, running
from android_runner.emulator.machine import Machine
from android_runner.emulator.shell_packets import PacketKind, packet, read_packet
from android_runner.emulator.stream import Stream
from android_runner.emulator.terminal import Terminal

Pipe = TypeVar("Pipe", asyncio.StreamReader, asyncio.StreamWriter)

logger = logging.getLogger(__name__)


async def serve_shell_v1(stream: Stream, machine: Machine, command: str) -> None:
    """Run ``command``; both outputs go to the stream as they come, what the client sends is its input."""
    async with running(machine, command, stderr=STDOUT) as process:
        stream.accept()
        await attend(
            stream, process, _raw_input(stream, process), _copy(_present(process.stdout), stream, bytes)
        )


async def serve_shell_v2(stream: Stream, machine: Machine, command: str) -> None:
    """Run ``command``; outputs, input and exit code travel as packets."""
    async with running(machine, command) as process:
        stream.accept()
        exit_code = await attend(
            stream,
            process,
            _packet_input(stream, process),
            _copy(_present(process.stdout), stream, lambda data: packet(PacketKind.STDOUT, data)),
            _copy(_present(process.stderr), stream, lambda data: packet(PacketKind.STDERR, data)),
        )
        await _tell_exit(stream, exit_code)


async def serve_terminal(stream: Stream, machine: Machine, command: str, *, kind: str) -> None:
    """Run ``command`` at a terminal of the given kind (``TERM``); the packets are those of ``shell,v2:``."""
    machine = machine.at_terminal(kind)
    async with Terminal.open() as terminal:
        far_end = terminal.far_end
        async with running(machine, command, stdin=far_end, stdout=far_end, stderr=far_end) as process:
            terminal.give_away()
            stream.accept()
            exit_code = await attend(
                stream,
                process,
                _terminal_input(stream, terminal),
                _copy(terminal.reader, stream, lambda data: packet(PacketKind.STDOUT, data)),
            )
            await _tell_exit(stream, exit_code)


async def _tell_exit(stream: Stream, exit_code: int | None) -> None:
    if exit_code is not None:
        await stream.write(packet(PacketKind.EXIT, bytes([exit_code & 0xFF])))


async def _copy(reader: asyncio.StreamReader, stream: Stream, wrap: Callable[[bytes], bytes]) -> None:
    while data := await reader.read(READ_BYTES):
        await stream.write(wrap(data))


async def _raw_input(stream: Stream, process: Process) -> None:
    while data := await stream.read():
        await _feed(process, data)


async def _packet_input(stream: Stream, process: Process) -> None:
    while True:
        kind, data = await read_packet(stream)
        if kind == PacketKind.STDIN:
            await _feed(process, data)
        elif kind == PacketKind.CLOSE_STDIN:
            _present(process.stdin).close()


async def _terminal_input(stream: Stream, terminal: Terminal) -> None:
    while True:
        kind, data = await read_packet(stream)
        if kind == PacketKind.STDIN:
            await terminal.type_in(data)
        elif kind == PacketKind.WINDOW_SIZE:
            terminal.resize(data)


async def _feed(process: Process, data: bytes) -> None:
    stdin = _present(process.stdin)
    try:
        stdin.write(data)
        await stdin.drain()
    except ConnectionError:
        # The command does not read any more. What follows is read and dropped: the client must not stall.
        logger.debug("command %d has closed its input", process.pid)


def _present(pipe: Pipe | None) -> Pipe:
    if pipe is None:
        raise BrokenPipeError("expected a pipe to the command; got none")
    return pipe
