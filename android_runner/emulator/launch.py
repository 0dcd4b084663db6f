"""Brings one phone up: its files, its key, its process, and the wait until it can be connected."""

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
from android_runner.emulator.errors import PhoneStartError
from android_runner.emulator.host_support import HostSupport
from android_runner.emulator.processes import (
    ProcessId,
    children_of,
    find_process,
    is_running,
    send_signal,
    wait_until_ended,
)
from android_runner.emulator.profile import PROFILES
from android_runner.emulator.state import PhoneFolder, PhoneState

_KEY_NAME = "emulated-phone@groupnet"
_KILL_TIMEOUT_S = 5.0
_SPAWN_TIMEOUT_S = 10.0
_POLL_S = 0.01
_LOG_TAIL_LINES = 5
_HERE = Path(__file__).parent
# Starts "$@" as an orphan, so that it is no child of ours that somebody must wait for, and tells its number.
_SPAWN = 'log=$1; shift; "$@" >>"$log" 2>&1 </dev/null & echo $!'


@dataclass(frozen=True)
class PhoneRequest:
    """What a phone is to be, as `phone.start_phone` takes it; ``None`` leaves the choice to us."""

    cpu: str
    port: int | None
    disk_limit_bytes: int | None


def launch(
    folder: PhoneFolder, support: HostSupport, request: PhoneRequest, *, timeout_s: float
) -> PhoneState:
    """Start the phone of a folder and return when it can be connected, its state saved.

    Raises:
        PhoneStartError: It did not come up; nothing of it runs any more, its folder is left as it is.
    """
    deadline = time.monotonic() + timeout_s
    if not folder.path.exists():  # else it boots again, with the files that it had
        folder.path.mkdir(mode=0o700)
        generate_key(folder.key, name=_KEY_NAME)
        build_device_tree(folder.root, PROFILES[request.cpu], len(os.sched_getaffinity(0)))
    folder.ready.unlink(missing_ok=True)
    outer = _spawn(folder, launch_command(folder, support, request))
    try:
        port = _wait_until_ready(folder, outer, deadline, timeout_s)
        # unshare waits outside; its only child is the first process inside.
        inner = children_of(outer.pid) if support.namespaces else [outer]
        if not inner:
            raise PhoneStartError(_why_not(folder, "its end"))
        state = PhoneState(request.cpu, port, inner[0], support.namespaces, request.disk_limit_bytes)
        folder.save(state)
    except BaseException:
        # --kill-child: with unshare goes everything inside, though perhaps a moment later.
        inside = children_of(outer.pid)
        send_signal(outer, signal.SIGKILL)
        for process in (outer, *inside):
            wait_until_ended(process, timeout_s=_KILL_TIMEOUT_S)
        raise
    return state


def launch_command(folder: PhoneFolder, support: HostSupport, request: PhoneRequest) -> list[str]:
    """Return the command that is the phone: `phone.sh` in namespaces, or the bare daemon without them."""
    daemon = [sys.executable, "-P", "-m", "android_runner.emulator.daemon"]
    daemon += ["--root", str(folder.root), "--cpu", request.cpu, "--keys", str(folder.public_key)]
    daemon += ["--ready", str(folder.ready), "--port", str(request.port or 0)]
    if not support.starts_arm64 and support.qemu:
        daemon += ["--runner", support.qemu]
    if not support.namespaces:
        return daemon
    interpreter = support.qemu if support.own_binfmt and support.qemu else ""
    data_bytes = "" if request.disk_limit_bytes is None else str(request.disk_limit_bytes)
    script = ["/bin/sh", str(_HERE / "phone.sh"), str(folder.root), interpreter, data_bytes]
    return [*support.unshare, *script, *daemon, "--chroot", support.chroot]


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
        raise PhoneStartError(_why_not(folder, "its end"))
    return process


def _wait_until_ready(folder: PhoneFolder, outer: ProcessId, deadline: float, timeout_s: float) -> int:
    while not folder.ready.exists():
        if not is_running(outer):
            raise PhoneStartError(_why_not(folder, "its end"))
        if time.monotonic() > deadline:
            raise PhoneStartError(_why_not(folder, f"nothing in {timeout_s:g} s"))
        time.sleep(_POLL_S)
    port: int = json.loads(folder.ready.read_text(encoding="utf-8"))["port"]
    return port


def _why_not(folder: PhoneFolder, got: str) -> str:
    log = folder.log.read_text(encoding="utf-8", errors="replace") if folder.log.exists() else ""
    tail = " | ".join(log.strip().splitlines()[-_LOG_TAIL_LINES:]) or "nothing"
    return (
        f"Expected the emulated phone '{folder.name}' to come up; got {got}, and its log says: {tail}; "
        "mend that and start it again"
    )
