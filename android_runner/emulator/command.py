"""A command of the phone's shell while its client listens: started, attended, and hung up on."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import signal
from asyncio.subprocess import PIPE, Process, SubprocessStreamProtocol
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager

from android_runner.emulator.connection import ServiceRefusedError
from android_runner.emulator.machine import Machine
from android_runner.emulator.stream import Stream

HANG_UP_GRACE_S = 2.0
"""How long a command whose client is gone has between SIGHUP and SIGKILL."""
READ_BYTES = 64 * 1024
_UMASK = 0o022

logger = logging.getLogger(__name__)


@asynccontextmanager
async def running(
    machine: Machine, command: str, *, stdin: int = PIPE, stdout: int = PIPE, stderr: int = PIPE
) -> AsyncIterator[Process]:
    """Start a command in a session of its own; on the way out, hang up on it if it still runs.

    Args:
        machine: The phone.
        command: For the phone's shell; ``""`` makes the shell read its input.
        stdin: A descriptor, or ``PIPE``. The descriptor of a terminal becomes the session's own.
        stdout: A descriptor, or ``PIPE``.
        stderr: A descriptor, ``PIPE``, or ``STDOUT``.

    Raises:
        ServiceRefusedError: The shell does not start.
    """
    loop = asyncio.get_running_loop()
    terminal = stdin >= 0 and os.isatty(stdin)
    arguments = machine.arguments(command)
    if terminal:
        # A terminal is given to a session by the session itself, so that setsid has to run in the child.
        arguments = [shutil.which("setsid") or "setsid", "--ctty", *arguments]
    try:
        transport, protocol = await loop.subprocess_exec(
            lambda: SubprocessStreamProtocol(limit=READ_BYTES, loop=loop),
            *arguments,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            cwd=machine.working_directory(),
            env=machine.environment(),
            start_new_session=not terminal,
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


async def attend(
    stream: Stream,
    process: Process,
    stdin: Coroutine[None, None, None],
    *outputs: Coroutine[None, None, None],
) -> int | None:
    """Move data until the outputs and the command end; return its exit code.

    Returns:
        0 to 255, 128 + n for an end by signal n; ``None`` if the client closed the stream before.
    """
    feeding = asyncio.create_task(stdin)
    working = asyncio.create_task(_work(process, outputs))
    leaving = asyncio.create_task(stream.wait_closed())
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return None if leaving.done() else await working
    finally:
        for task in (feeding, working, leaving):
            task.cancel()
        await asyncio.gather(feeding, working, leaving, return_exceptions=True)


async def _work(process: Process, outputs: tuple[Coroutine[None, None, None], ...]) -> int:
    await asyncio.gather(*outputs)
    code = await process.wait()
    return code if code >= 0 else 128 - code


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
            # Not a session of its own yet; or gone.
            process.send_signal(number)
        try:
            async with asyncio.timeout(HANG_UP_GRACE_S):
                await process.wait()
        except TimeoutError:
            logger.info("command %d did not end on %s", process.pid, number.name)
