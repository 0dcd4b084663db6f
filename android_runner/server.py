"""The device server on a phone: installing its runtime, starting it, reading its log, stopping it."""

from __future__ import annotations

import json
import secrets
import shlex
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from android_runner.errors import AlteredFileError, DeviceError, RemoteCommandError, ServerError
from android_runner.governor import restore_stale
from android_runner.orphans import abandon, is_orphan, owner_mark
from android_runner.phone_cores import parse_numbers, taskset_mask
from android_runner.runtime_package import LOADER_NAME, SERVER_NAME, RuntimePackage
from android_runner.transport import Transport

DEVICE_ROOT = PurePosixPath("/data/local/tmp/groupnet")
"""Everything this project leaves on a phone is below this folder."""

_SHELL_TIMEOUT_S = 30.0
_PUSH_TIMEOUT_S = 300.0
_LOG_TAIL_BYTES = 4000

# A folder without a process id belongs to a server that is just starting, unless it is this old. Its age is
# reckoned by the phone's uptime, because a phone's time of day may jump; a larger uptime was before a reboot.
_STARTING_S = 600
_NEW_FOLDER = (
    "mkdir -m 700 {folder} && cut -d. -f1 /proc/uptime > {folder}/started && echo '{owner}' > {folder}/owner"
)

_REMOVE_STALE = """
for folder in {root}/server-*; do
  [ -d "$folder" ] || continue
  if [ -f "$folder/pid" ]; then
    if grep -q "${{folder##*/}}" "/proc/$(cat "$folder/pid")/cmdline" 2>/dev/null; then
      echo "${{folder##*/}} $(cat "$folder/pid" "$folder/owner" 2>/dev/null | tr '\n' ' ')"
    else
      rm -rf "$folder"
    fi
  else
    now=$(cut -d. -f1 /proc/uptime)
    started=$(cat "$folder/started" 2>/dev/null || echo 0)
    [ "$started" -le "$now" ] && [ $((now - started)) -lt {seconds} ] || rm -rf "$folder"
  fi
done
"""

# Of other releases; a server's working folder is the runtime it was started from.
_REMOVE_OTHER_RUNTIMES = """
for other in {root}/runtime-*; do
  [ "$other" = {folder} ] || ls -l /proc/[0-9]*/cwd 2>/dev/null | grep -q "$other" || rm -rf "$other"
done
"""

# Asked first, ended after 5 s; the command line tells the process from a later one of the same number.
_STOP = """
running() {{ grep -q {name} /proc/{pid}/cmdline 2>/dev/null; }}
running && kill {pid}
tries=0
while running && [ $tries -lt 50 ]; do sleep 0.1; tries=$((tries + 1)); done
running && kill -9 {pid}
rm -rf {folder}
"""


@dataclass(frozen=True)
class ServerLimits:
    """What the server allows a session.

    Attributes:
        idle_s: A session that hears nothing for so long ends, and a server without sessions too.
        session_s: The longest a session may live.
        memory_bytes: The most data memory of a session. The emulated phone does not enforce it, because
            qemu-user does not apply this limit.
    """

    idle_s: int = 900
    session_s: int = 4 * 3600
    memory_bytes: int = 4 << 30


@dataclass(frozen=True)
class RunningServer:
    """A server that listens on a phone.

    Attributes:
        port: Its port on the phone's 127.0.0.1.
        pid: Its process id on the phone.
        folder: Its folder on the phone; gone once it is stopped.
        token: The secret that opens a session.
    """

    port: int
    pid: int
    folder: PurePosixPath
    token: str


def install_runtime(transport: Transport, package: RuntimePackage) -> PurePosixPath:
    """Bring the runtime to the phone unless it is there intact; return its folder.

    Raises:
        AlteredFileError: What arrived is not what was sent.
        DeviceFullError: There is no space for it.
        TransportError: The link failed.
    """
    folder = _runtime_folder(package)
    if _checksums(transport, folder, package) == package.files:
        return folder
    partial = DEVICE_ROOT / f"partial-{secrets.token_hex(6)}"
    try:
        transport.shell(f"rm -rf {folder} && mkdir -p {partial}", timeout_s=_SHELL_TIMEOUT_S)
        for name in package.files:
            transport.push(package.folder / name, partial / name, mode=0o755, timeout_s=_PUSH_TIMEOUT_S)
        if _checksums(transport, partial, package) != package.files:
            raise AlteredFileError(
                f"Expected the runtime to arrive unaltered on {transport.serial}; it did not; "
                "check the phone's storage and try again"
            )
        transport.shell(f"[ -e {folder} ] || mv {partial} {folder}", timeout_s=_SHELL_TIMEOUT_S)
    finally:
        # Where another session was faster by a hair, `mv` has moved the part into its folder.
        _try_shell(transport, f"rm -rf {partial} {folder / partial.name}")
    _try_shell(transport, _REMOVE_OTHER_RUNTIMES.format(root=DEVICE_ROOT, folder=folder))
    return folder


@contextmanager
def device_server(
    transport: Transport,
    package: RuntimePackage,
    limits: ServerLimits | None = None,
    cores: Sequence[int] = (),
) -> Iterator[RunningServer]:
    """Run a server on the phone; at the end nothing of it is left but the runtime for the next time.

    Args:
        transport: The link to the phone.
        package: The runtime.
        limits: What a session may take.
        cores: Numbers of the cores that its sessions may use; none: the runtime chooses.

    Raises:
        ServerError: It did not start; the message has what it said.
        DeviceError: The runtime could not be installed.
    """
    limits = limits or ServerLimits()
    _clean_up(transport, _runtime_folder(package))
    runtime = install_runtime(transport, package)
    folder = DEVICE_ROOT / f"server-{secrets.token_hex(6)}"
    token = secrets.token_hex(16)
    pid = 0
    try:
        server = _start(transport, runtime, folder, token, limits, cores)
        pid = server.pid
        yield server
    finally:
        stop = _STOP.format(name=folder.name, pid=pid, folder=folder) if pid else f"rm -rf {folder}"
        if _try_shell(transport, stop) is None:
            abandon(folder.name)


def _runtime_folder(package: RuntimePackage) -> PurePosixPath:
    return DEVICE_ROOT / f"runtime-{package.content_hash[:16]}"


def _clean_up(transport: Transport, runtime: PurePosixPath) -> None:
    """Remove what servers have left that are dead, and end those that nobody will use any more."""
    remove_stale = _REMOVE_STALE.format(root=DEVICE_ROOT, seconds=_STARTING_S)
    remove_others = _REMOVE_OTHER_RUNTIMES.format(root=DEVICE_ROOT, folder=runtime)
    alive = _try_shell(transport, restore_stale(DEVICE_ROOT) + remove_stale + remove_others) or ""
    for line in alive.splitlines():
        name, pid, mark = [*line.split(), "", ""][:3]
        if pid.isdecimal() and is_orphan(name, mark):
            stop = _STOP.format(name=name, pid=pid, folder=DEVICE_ROOT / name)
            _try_shell(transport, stop + restore_stale(DEVICE_ROOT))


def log_tail(transport: Transport, server: RunningServer) -> str:
    """Return the end of the server's log; raises TransportError where the link is lost."""
    log = shlex.quote(str(server.folder / "log"))
    return transport.shell(f"tail -c {_LOG_TAIL_BYTES} {log}", timeout_s=_SHELL_TIMEOUT_S, check=False).stdout


def is_running(transport: Transport, server: RunningServer) -> bool:
    """Return whether the server's process lives; raises TransportError where the link is lost."""
    # Its command line tells it from a later process of the same number.
    command = f"grep -q {server.folder.name} /proc/{server.pid}/cmdline"
    return transport.shell(command, timeout_s=_SHELL_TIMEOUT_S, check=False).exit_code == 0


def allowed_cores(transport: Transport, server: RunningServer) -> tuple[int, ...]:
    """Read back which cores the server may use; raises TransportError where the link is lost."""
    command = f"sed -n 's/^Cpus_allowed_list:[^0-9]*//p' /proc/{server.pid}/status"
    said = transport.shell(command, timeout_s=_SHELL_TIMEOUT_S, check=False).stdout
    return tuple(sorted(parse_numbers(said.strip())))


def _start(
    transport: Transport,
    runtime: PurePosixPath,
    folder: PurePosixPath,
    token: str,
    limits: ServerLimits,
    cores: Sequence[int],
) -> RunningServer:
    transport.shell(_NEW_FOLDER.format(folder=folder, owner=owner_mark()), timeout_s=_SHELL_TIMEOUT_S)
    with tempfile.NamedTemporaryFile("w") as file:  # mode 0600 here as there
        file.write(token)
        file.flush()
        transport.push(Path(file.name), folder / "token", mode=0o600, timeout_s=_SHELL_TIMEOUT_S)
    # TVM would give its threads the fastest cores of all, whatever the process may use.
    pinned = f"TVM_BIND_THREADS=0 taskset {taskset_mask(cores)} " if cores else ""
    command = (
        f"cd {runtime} && {pinned}./{LOADER_NAME} --library-path . ./{SERVER_NAME} --folder {folder} "
        f"--idle-s {limits.idle_s} --session-limit-s {limits.session_s} "
        f"--memory-limit-bytes {limits.memory_bytes}"
    )
    try:
        ready = json.loads(transport.shell(command, timeout_s=_SHELL_TIMEOUT_S).stdout)
        return RunningServer(int(ready["port"]), int(ready["pid"]), folder, token)
    except RemoteCommandError as exc:
        said = exc.stderr.strip() or exc.stdout.strip() or f"exit code {exc.exit_code}"
        raise ServerError(
            f"Expected the device server to start on {transport.serial}; it said: {said}; "
            "check that the phone is arm64"
        ) from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise ServerError(
            f"Expected the device server to name its port; got {exc}; remove {runtime} on the phone"
        ) from exc


def _checksums(transport: Transport, folder: PurePosixPath, package: RuntimePackage) -> dict[str, str]:
    names = " ".join(shlex.quote(name) for name in package.files)
    listing = transport.shell(
        f"cd {folder} 2>/dev/null && sha256sum {names}", timeout_s=_SHELL_TIMEOUT_S, check=False
    ).stdout
    lines = (line.split(maxsplit=1) for line in listing.splitlines())
    return {parts[1]: parts[0] for parts in lines if len(parts) == 2}


def _try_shell(transport: Transport, command: str) -> str | None:
    """Return what a command printed; None where the link is lost: the next start cleans up."""
    try:
        return transport.shell(command, timeout_s=_SHELL_TIMEOUT_S, check=False).stdout
    except DeviceError:
        return None
