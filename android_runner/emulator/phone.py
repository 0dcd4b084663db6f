"""Emulated phones: start, find and stop them.

A phone is a process with namespaces of its own (`phone.sh`); it runs an ADB daemon on a loopback port. It
outlives the process that started it; everything it has lies in one folder, and `stop_phone` removes that.
The confinement is against accidents: who runs commands on the phone may do here what its owner may do.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path

from android_runner.emulator.errors import (
    MissingRequirementError,
    PhoneConfigurationError,
    PhoneRunningError,
)
from android_runner.emulator.host_support import describe_missing, missing_requirements, probe_host
from android_runner.emulator.launch import PhoneRequest, launch
from android_runner.emulator.processes import ProcessId, processes_with, send_signal, wait_until_ended
from android_runner.emulator.profile import PROFILES
from android_runner.emulator.state import PhoneFolder, PhoneState, default_state_dir, phone_names

__all__ = [
    "EmulatedPhone",
    "missing_requirements",
    "reboot_phone",
    "running_phone",
    "running_phones",
    "start_phone",
    "stop_phone",
]

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 6.0
MIN_DISK_BYTES = 64 * 1024
_KILL_TIMEOUT_S = 5.0
# adb looks for emulators of its own on these ports, and would list the phone twice.
_ADB_PORTS = range(5555, 5586)


@dataclass(frozen=True)
class EmulatedPhone:
    """A phone that runs.

    Attributes:
        name: What it was started as.
        serial: Its ADB serial, ``127.0.0.1:PORT``.
        port: Where its daemon listens on the loopback.
        cpu: The profile's name, ``cortex-a76``.
        root: The folder of the host that is its ``/``. With a disk limit its ``/data`` is not visible there.
        pid: The process whose end is the phone's end.
        key: The private ADB key it accepts; the public half lies beside it, ``.pub``.
        isolated: Whether it has namespaces of its own; otherwise see `host_support.describe_missing`.
        disk_limit_bytes: The size of its ``/data``; ``None`` for as much as the host has.
    """

    name: str
    serial: str
    port: int
    cpu: str
    root: Path
    pid: int
    key: Path
    isolated: bool
    disk_limit_bytes: int | None


def start_phone(
    *,
    cpu: str = "cortex-a76",
    name: str = "default",
    state_dir: Path | None = None,
    port: int | None = None,
    disk_limit_bytes: int | None = None,
    timeout_s: float = START_TIMEOUT_S,
) -> EmulatedPhone:
    """Start a phone, or return the one of that name and core that runs already.

    Args:
        cpu: One of `profile.PROFILES`.
        name: Distinguishes phones that run at once.
        state_dir: Where phones keep their folders; by default `state.default_state_dir`.
        port: Where to listen; by default a free port, or the one it has.
        disk_limit_bytes: The size of ``/data``, so that a full disk is really full; by default the host's, or
            the one it has.
        timeout_s: How long it may take until the phone can be connected.

    Raises:
        PhoneConfigurationError: There is no such phone to be had.
        PhoneRunningError: The phone of that name has another core, port or disk.
        MissingRequirementError: There is no qemu, or no namespace for a disk limit.
        PhoneStartError: It did not come up; the message ends with what its log says.
    """
    request = PhoneRequest(cpu, port, disk_limit_bytes)
    _check_request(request)
    folder = PhoneFolder(state_dir or default_state_dir(), name)
    with folder.locked(timeout_s=timeout_s):
        if state := folder.load():
            _check_same(folder, state, request)
            return _phone(folder, state)
        support = probe_host()
        if support.qemu is None or (disk_limit_bytes is not None and not support.namespaces):
            raise MissingRequirementError(" ".join(describe_missing(support)))
        # What a phone that was killed has left.
        _clear(folder)
        try:
            state = launch(folder, support, request, timeout_s=timeout_s)
        except BaseException:
            # Also on Ctrl-C: nothing half started may stay. A daemon that comes up only now finds no folder
            # to say in that it is ready, and ends.
            _clear(folder)
            raise
        return _phone(folder, state)


def stop_phone(name: str = "default", state_dir: Path | None = None) -> bool:
    """End everything on a phone and remove all it had; return whether it ran."""
    folder = PhoneFolder(state_dir or default_state_dir(), name)
    if not folder.path.parent.is_dir():
        return False
    with folder.locked(timeout_s=START_TIMEOUT_S):
        state = folder.load()
        if state is not None:
            _end(state.process)
        _clear(folder)
    return state is not None


def reboot_phone(
    name: str = "default", state_dir: Path | None = None, *, timeout_s: float = START_TIMEOUT_S
) -> EmulatedPhone:
    """End everything on a phone and start it again: its files, key and port stay, its processes do not.

    Raises:
        PhoneConfigurationError: It does not run, or has a disk limit: that disk is memory, which is lost.
        PhoneStartError: It did not come up again.
    """
    folder = PhoneFolder(state_dir or default_state_dir(), name)
    with folder.locked(timeout_s=timeout_s):
        state = folder.load()
        if state is None or state.disk_limit_bytes is not None:
            raise PhoneConfigurationError(
                f"Expected '{name}' to run and to have no disk limit; it is not so; start such a phone first"
            )
        _end(state.process)
        _end_programs(folder)
        request = PhoneRequest(state.cpu, state.port, None)
        return _phone(folder, launch(folder, probe_host(), request, timeout_s=timeout_s))


def running_phone(name: str = "default", state_dir: Path | None = None) -> EmulatedPhone | None:
    """Return the phone of that name, if it runs."""
    folder = PhoneFolder(state_dir or default_state_dir(), name)
    state = folder.load()
    return _phone(folder, state) if state else None


def running_phones(state_dir: Path | None = None) -> list[EmulatedPhone]:
    """Return the phones that run, by name."""
    base = state_dir or default_state_dir()
    return [phone for name in phone_names(base) if (phone := running_phone(name, base))]


def _phone(folder: PhoneFolder, state: PhoneState) -> EmulatedPhone:
    return EmulatedPhone(
        name=folder.name,
        serial=f"127.0.0.1:{state.port}",
        port=state.port,
        cpu=state.cpu,
        root=folder.root,
        pid=state.process.pid,
        key=folder.key,
        isolated=state.isolated,
        disk_limit_bytes=state.disk_limit_bytes,
    )


def _check_request(request: PhoneRequest) -> None:
    if request.cpu not in PROFILES:
        raise PhoneConfigurationError(
            f"Expected a core out of {', '.join(PROFILES)}; got '{request.cpu}'; choose one"
        )
    port = request.port
    if port is not None and (not 1024 <= port <= 65535 or port in _ADB_PORTS):
        raise PhoneConfigurationError(
            f"Expected a port from 1024 to 65535, but none from {_ADB_PORTS[0]} to {_ADB_PORTS[-1]}, which "
            f"adb scans by itself; got {port}; choose another, or none to have a free one found"
        )
    if request.disk_limit_bytes is not None and request.disk_limit_bytes < MIN_DISK_BYTES:
        raise PhoneConfigurationError(
            f"Expected a disk of at least {MIN_DISK_BYTES} bytes; got {request.disk_limit_bytes}; "
            "choose a larger one"
        )


def _check_same(folder: PhoneFolder, state: PhoneState, request: PhoneRequest) -> None:
    compared = (
        ("core", request.cpu, state.cpu),
        ("port", request.port, state.port),
        ("disk limit", request.disk_limit_bytes, state.disk_limit_bytes),
    )
    for what, wanted, has in compared:
        if wanted not in (None, has):
            raise PhoneRunningError(
                f"Expected the phone '{folder.name}' with {what} {wanted}; it runs with {what} {has}; "
                "stop it first, or give the new one another name"
            )


def _clear(folder: PhoneFolder) -> None:
    _end_programs(folder)
    folder.remove()


def _end_programs(folder: PhoneFolder) -> None:
    # Without namespaces programs in the background outlive the daemon; the environment tells whose they are.
    for process in processes_with("PHONE_ROOT", str(folder.root)):
        send_signal(process, signal.SIGKILL)
        wait_until_ended(process, timeout_s=_KILL_TIMEOUT_S)


def _end(process: ProcessId) -> None:
    send_signal(process, signal.SIGTERM)
    if not wait_until_ended(process, timeout_s=STOP_TIMEOUT_S):
        send_signal(process, signal.SIGKILL)
        wait_until_ended(process, timeout_s=_KILL_TIMEOUT_S)
