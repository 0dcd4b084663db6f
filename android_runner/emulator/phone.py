"""Emulated phones: start, find and stop them.

A phone is a process with namespaces of its own (`phone.sh`), which runs an ADB daemon on a port of the loopback.
It outlives the process that started it; everything it has lies in one folder, and `stop_phone` removes that.
The confinement is against accidents: who runs commands on the phone may do here what its owner may do.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from android_runner.adb_keys import generate_key
from android_runner.emulator.device_tree import build_device_tree
from android_runner.emulator.errors import (
    MissingRequirementError,
    PhoneConfigurationError,
    PhoneRunningError,
    PhoneStartError,
)
from android_runner.emulator.host_support import (
    HostSupport,
    describe_missing,
    missing_requirements,
    probe_host,
)
from android_runner.emulator.processes import (
    ProcessId,
    children_of,
    find_process,
    is_running,
    send_signal,
    wait_until_ended,
)
from android_runner.emulator.profile import PROFILES
from android_runner.emulator.state import PhoneFolder, PhoneState, default_state_dir, phone_names

__all__ = [
    "EmulatedPhone",
    "missing_requirements",
    "running_phone",
    "running_phones",
    "start_phone",
    "stop_phone",
]

START_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 6.0
MIN_DISK_BYTES = 64 * 1024
_KILL_TIMEOUT_S = 5.0
_SPAWN_TIMEOUT_S = 10.0
_POLL_S = 0.01
_LOG_TAIL_LINES = 5
# adb looks for emulators of its own on these ports, and would list the phone twice.
_ADB_PORTS = range(5555, 5586)
_HERE = Path(__file__).parent
# Starts "$@" as an orphan, so that it is no child of ours that somebody must wait for, and tells its number.
_SPAWN = 'log=$1; shift; "$@" >>"$log" 2>&1 </dev/null & echo $!'


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
        port: Where to listen; by default a free port.
        disk_limit_bytes: The size of ``/data``, so that a full disk is really full; by default the host's.
        timeout_s: How long it may take until the phone can be connected.

    Raises:
        PhoneConfigurationError: There is no such phone to be had.
        PhoneRunningError: The phone of that name has another core, port or disk.
        MissingRequirementError: There is no qemu, or no namespace for a disk limit.
        PhoneStartError: It did not come up; the message ends with what its log says.
    """
    _check_request(cpu, port, disk_limit_bytes)
    folder = PhoneFolder(state_dir or default_state_dir(), name)
    with folder.locked(timeout_s=timeout_s):
        if state := folder.load():
            _check_same(folder, state, cpu, port, disk_limit_bytes)
            return _phone(folder, state)
        support = probe_host()
        if support.qemu is None or (disk_limit_bytes is not None and not support.namespaces):
            raise MissingRequirementError(" ".join(describe_missing(support)))
        # What a phone that was killed has left.
        folder.remove()
        try:
            state = _launch(folder, support, cpu, port, disk_limit_bytes, timeout_s)
        except BaseException:
            # Also on Ctrl-C: nothing half started may stay.
            folder.remove()
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
        folder.remove()
    return state is not None


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


def _check_request(cpu: str, port: int | None, disk_limit_bytes: int | None) -> None:
    if cpu not in PROFILES:
        raise PhoneConfigurationError(
            f"Expected a core out of {', '.join(PROFILES)}; got '{cpu}'; choose one"
        )
    if port is not None and (not 1024 <= port <= 65535 or port in _ADB_PORTS):
        raise PhoneConfigurationError(
            f"Expected a port from 1024 to 65535, but none from {_ADB_PORTS[0]} to {_ADB_PORTS[-1]}, which "
            f"adb scans by itself; got {port}; choose another, or none to have a free one found"
        )
    if disk_limit_bytes is not None and disk_limit_bytes < MIN_DISK_BYTES:
        raise PhoneConfigurationError(
            f"Expected a disk of at least {MIN_DISK_BYTES} bytes; got {disk_limit_bytes}; choose a larger one"
        )


def _check_same(
    folder: PhoneFolder, state: PhoneState, cpu: str, port: int | None, disk_limit_bytes: int | None
) -> None:
    wanted = {"core": cpu, "port": state.port if port is None else port, "disk limit": disk_limit_bytes}
    has = {"core": state.cpu, "port": state.port, "disk limit": state.disk_limit_bytes}
    for what, value in wanted.items():
        if value != has[what]:
            raise PhoneRunningError(
                f"Expected the phone '{folder.name}' with {what} {value}; it runs with {what} {has[what]}; "
                "stop it first, or give the new one another name"
            )


def _launch(
    folder: PhoneFolder,
    support: HostSupport,
    cpu: str,
    port: int | None,
    disk_limit_bytes: int | None,
    timeout_s: float,
) -> PhoneState:
    deadline = time.monotonic() + timeout_s
    folder.path.mkdir(mode=0o700)
    generate_key(folder.key, name="emulated-phone@groupnet")
    build_device_tree(folder.root, PROFILES[cpu], len(os.sched_getaffinity(0)))
    outer = _spawn(folder, _command(folder, support, cpu, port, disk_limit_bytes))
    try:
        bound = _wait_until_ready(folder, outer, deadline, timeout_s)
        # unshare waits outside; its only child is the first process inside.
        process = children_of(outer.pid)[0] if support.namespaces else outer
        state = PhoneState(cpu, bound, process, support.namespaces, disk_limit_bytes)
        folder.save(state)
    except BaseException:
        # --kill-child: with unshare goes everything inside.
        send_signal(outer, signal.SIGKILL)
        wait_until_ended(outer, timeout_s=_KILL_TIMEOUT_S)
        raise
    return state


def _command(
    folder: PhoneFolder, support: HostSupport, cpu: str, port: int | None, disk_limit_bytes: int | None
) -> list[str]:
    daemon = [sys.executable, "-P", "-m", "android_runner.emulator.daemon"]
    daemon += ["--root", str(folder.root), "--cpu", cpu, "--keys", str(folder.public_key)]
    daemon += ["--ready", str(folder.ready), "--port", str(port or 0)]
    if not support.starts_arm64 and support.qemu:
        daemon += ["--runner", support.qemu]
    if not support.namespaces:
        return daemon
    interpreter = support.qemu if support.own_binfmt and support.qemu else ""
    data_bytes = "" if disk_limit_bytes is None else str(disk_limit_bytes)
    script = ["/bin/sh", str(_HERE / "phone.sh"), str(folder.root), interpreter, data_bytes]
    return [*support.unshare, *script, *daemon, "--chroot"]


def _spawn(folder: PhoneFolder, command: list[str]) -> ProcessId:
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder.path),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(_HERE.parents[1]),
    }
    spawned = subprocess.run(
        ["/bin/sh", "-c", _SPAWN, "sh", str(folder.log), *command],
        cwd="/",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SPAWN_TIMEOUT_S,
        start_new_session=True,
        check=True,
    )
    process = find_process(int(spawned.stdout))
    if process is None:
        raise PhoneStartError(_why_not(folder, "it ended at once"))
    return process


def _wait_until_ready(folder: PhoneFolder, outer: ProcessId, deadline: float, timeout_s: float) -> int:
    while not folder.ready.exists():
        if not is_running(outer):
            raise PhoneStartError(_why_not(folder, "it ended at once"))
        if time.monotonic() > deadline:
            raise PhoneStartError(_why_not(folder, f"nothing after {timeout_s:g} s"))
        time.sleep(_POLL_S)
    port: int = json.loads(folder.ready.read_text(encoding="utf-8"))["port"]
    return port


def _why_not(folder: PhoneFolder, got: str) -> str:
    log = folder.log.read_text(encoding="utf-8", errors="replace") if folder.log.exists() else ""
    tail = " | ".join(log.strip().splitlines()[-_LOG_TAIL_LINES:]) or "empty"
    return f"Expected the emulated phone '{folder.name}' to come up; got {got}; its log says: {tail}"


def _end(process: ProcessId) -> None:
    send_signal(process, signal.SIGTERM)
    if not wait_until_ended(process, timeout_s=STOP_TIMEOUT_S):
        send_signal(process, signal.SIGKILL)
        wait_until_ended(process, timeout_s=_KILL_TIMEOUT_S)
