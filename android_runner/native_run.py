"""Runs `groupnet_bench` on this machine or on a phone and reads what it says."""

from __future__ import annotations

import hashlib
import json
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from android_runner.device import Device
from android_runner.errors import (
    CoresUnavailableError,
    IllegalInstructionError,
    InputMismatchError,
    NativeRunError,
    TransportTimeoutError,
    VerificationError,
)
from android_runner.phone_device import PhoneDevice
from android_runner.server import DEVICE_ROOT
from android_runner.sole_use import BUSY, wait_for_sole_use, while_locked
from android_runner.transport import ShellResult, Transport

SCHEMA = 1
"""What `groupnet_bench` must say that its answers are of."""

_SHELL_TIMEOUT_S = 30.0
_PUSH_TIMEOUT_S = 300.0
_LIMIT_S = 900.0
_SIGILL = 4

# By the words of docs/native.md; what is not listed is the program's own business.
_ERRORS = {
    "CheckError": VerificationError,
    "CoresError": CoresUnavailableError,
    "InputError": InputMismatchError,
}


@dataclass(frozen=True)
class NativeOptions:
    """What to measure; None leaves it to the program.

    Attributes:
        threads: Threads.
        runs: Timed runs.
        warmup: Runs of warm-up, where it is not to become stable.
        cores: As `choose_cores` takes them; None: the system decides.
        profile: Whether to time each kernel.
    """

    threads: int = 1
    runs: int | None = None
    warmup: int | None = None
    cores: str | None = None
    profile: bool = False

    def words(self, model: str) -> list[str]:
        """The command line behind the program's name."""
        words = ["--model", model, "--threads", str(self.threads)]
        for option in ("runs", "warmup", "cores"):
            value = getattr(self, option)
            words += [] if value is None else [f"--{option}", str(value)]
        return [*words, "--profile"] if self.profile else words


def run_native(device: Device, executable: Path, words: Sequence[str]) -> dict[str, Any]:
    """Run `groupnet_bench` with the options `words` on a device; return its result.

    Raises:
        VerificationError: It computes other numbers than PyTorch; nothing was timed.
        CoresUnavailableError: There are no such cores.
        IllegalInstructionError: The code is for another processor.
        NativeRunError: It failed in another way, or its answer is none.
        DeviceBusyError: Another measurement has the phone.
        DeviceError: The device cannot be reached, or has no space.
    """
    if isinstance(device, PhoneDevice):
        with device.transport() as transport:
            return run_on_phone(transport, executable, words)
    return read_answer(*_run_here([str(executable.resolve()), *words]))


def run_on_phone(transport: Transport, executable: Path, words: Sequence[str]) -> dict[str, Any]:
    """Bring the executable to a phone unless it is there, and run it; see `run_native`."""
    installed = install_native(transport, executable)
    command = while_locked(shlex.join([str(installed), *words]), DEVICE_ROOT)

    def run() -> ShellResult | None:
        done = transport.shell(command, timeout_s=_LIMIT_S, check=False)
        return None if done.exit_code == BUSY else done

    done = wait_for_sole_use(run, transport.serial)
    return read_answer(done.exit_code, done.stdout, done.stderr)


def install_native(transport: Transport, executable: Path) -> PurePosixPath:
    """Bring the executable to a phone; return where it is. Of others of this project none stays.

    Raises:
        NativeRunError: What arrived is not what was sent.
        DeviceFullError: There is no space for it.
        TransportError: The link failed.
    """
    digest = hashlib.sha256(executable.read_bytes()).hexdigest()
    path = DEVICE_ROOT / f"native-{digest[:16]}"
    if _sha256_there(transport, path) == digest:
        return path
    transport.shell(f"mkdir -p {DEVICE_ROOT} && rm -f {DEVICE_ROOT}/native-*", timeout_s=_SHELL_TIMEOUT_S)
    transport.push(executable, path, mode=0o755, timeout_s=_PUSH_TIMEOUT_S)
    if _sha256_there(transport, path) != digest:
        raise NativeRunError(
            f"Expected the executable to arrive unaltered on {transport.serial}; it did not; "
            "check the phone's storage and try again"
        )
    return path


def read_answer(exit_code: int, stdout: str, stderr: str) -> dict[str, Any]:
    """Return the result out of what the program wrote; see `run_native` for what is raised."""
    if exit_code in (-_SIGILL, 128 + _SIGILL):
        raise IllegalInstructionError(
            "Expected code for the device's processor; it uses instructions that this one lacks; "
            "compile for it, see `groupnet devices`"
        )
    lines = stdout.strip().splitlines()
    try:
        answer: dict[str, Any] = json.loads(lines[-1]) if lines else {}
        event = answer["event"]
        if event == "error":
            error, message = answer["error"]["type"], str(answer["error"]["message"])
            raise _ERRORS.get(error, NativeRunError)(message[:1].upper() + message[1:])
        schema = answer["schema"]
    except (ValueError, KeyError, TypeError, IndexError) as exc:
        said = (stderr.strip().splitlines() or lines or ["nothing"])[-1][:200]
        raise NativeRunError(
            f"Expected a result of groupnet_bench; it ended with exit code {exit_code} and said: {said}; "
            "build it again"
        ) from exc
    if event != "result" or schema != SCHEMA or exit_code != 0:
        raise NativeRunError(
            f"Expected a result of form {SCHEMA} of groupnet_bench; got '{event}' of form {schema} and exit "
            f"code {exit_code}; build it again"
        )
    return answer


def _sha256_there(transport: Transport, path: PurePosixPath) -> str:
    said = transport.shell(f"sha256sum {path}", timeout_s=_SHELL_TIMEOUT_S, check=False).stdout
    return said.split()[0] if said.split() else ""


def _run_here(command: list[str]) -> tuple[int, str, str]:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_LIMIT_S,
            check=False,
            stdin=subprocess.DEVNULL,
            errors="replace",
        )
    except subprocess.TimeoutExpired as exc:
        raise TransportTimeoutError(
            f"Expected groupnet_bench to end within {_LIMIT_S:g} s; it did not; allow fewer runs"
        ) from exc
    return done.returncode, done.stdout, done.stderr
