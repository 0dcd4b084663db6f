"""TVM's own RPC server on this machine, for tests of boards."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from android_runner.board_streams import server_command

START_LIMIT_S = 120.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def running_server(log: Path, *options: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """TVM's server as the hint says to start it; its port, and its process, which leads a group."""
    port = free_port()
    variable, *command = server_command(port).split()
    name, _, value = variable.partition("=")
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, *command[1:], *options],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {name: value},
            start_new_session=True,
        )
    try:
        give_up_at_s = time.monotonic() + START_LIMIT_S
        while f"bind to 127.0.0.1:{port}" not in log.read_text():
            assert server.poll() is None and time.monotonic() < give_up_at_s, log.read_text()
            time.sleep(0.1)
        yield port, server
    finally:
        end_server(server)


def end_server(server: subprocess.Popen[bytes]) -> None:
    """With the processes that it has started."""
    try:
        os.killpg(server.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has ended, and all of them
    server.wait()
