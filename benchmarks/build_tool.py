"""Run a compiler or an emulator with a time limit, and say in one sentence what went wrong."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.errors import BenchmarkError

_TIMEOUT_S = 300.0


def run_tool(command: Sequence[str | Path], *, package: str) -> str:
    """Run a command and return its stdout.

    Args:
        command: the program's name and its arguments.
        package: the Debian package that has it, for the message.

    Raises:
        BenchmarkError: no such program, it failed, or it took longer than the time limit.
    """
    name = str(command[0])
    program = shutil.which(name)
    if program is None:
        raise BenchmarkError(f"expected {name} on this machine; got none: apt-get install {package}")
    try:
        done = subprocess.run(
            [program, *map(str, command[1:])], capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise BenchmarkError(
            f"expected {name} to end within {_TIMEOUT_S:g} s; it did not: is the machine busy?"
        ) from exc
    if done.returncode:
        told = " ".join(done.stderr.strip().splitlines()[-2:])
        raise BenchmarkError(
            f"expected {name} to succeed; got exit code {done.returncode} and '{told}': "
            f"run it by hand: {' '.join(map(str, command))}"
        )
    return done.stdout
