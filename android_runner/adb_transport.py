"""The transport over ADB, whichever way leads to the phone: shell, files and tunnels on its streams."""

from __future__ import annotations

import secrets
import shlex
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath

from android_runner.adb_routes import PhoneRoute, Streams
from android_runner.adb_services import pull_file, push_file, run_shell
from android_runner.deadline import Deadline
from android_runner.errors import DeviceError, DeviceFullError, RemoteCommandError
from android_runner.transport import ShellResult
from android_runner.tunnel_process import TunnelRequest, tunnel_process

_CLEANUP_TIMEOUT_S = 10.0


class AdbTransport:
    """Implements `android_runner.transport.Transport` over one connection; what breaks it ends it."""

    def __init__(self, streams: Streams, route: PhoneRoute) -> None:
        """Take over what `route` led to; tunnels go the same way again."""
        self.serial = route.serial
        self._streams = streams
        self._route = route

    @classmethod
    def along(cls, route: PhoneRoute, timeout_s: float) -> AdbTransport:
        """Connect along a way; raises what its `connect` raises."""
        return cls(route.connect(timeout_s), route)

    def shell(self, command: str, *, timeout_s: float, check: bool = True) -> ShellResult:
        """Run a command line; see `Transport.shell`."""
        result = run_shell(self._streams, command, Deadline(timeout_s, f"run `{command}`"))
        if check and "no space left on device" in result.stderr.lower():
            raise DeviceFullError(
                f"Expected `{command}` to succeed on the device; its disk is full; "
                "free some space in /data/local/tmp"
            )
        if check and result.exit_code != 0:
            raise RemoteCommandError(command, result.exit_code, result.stdout, result.stderr)
        return result

    def push(self, source: Path, destination: PurePosixPath, *, mode: int = 0o644, timeout_s: float) -> None:
        """Copy a file to the device; see `Transport.push`."""
        deadline = Deadline(timeout_s, f"take {source.name}")
        partial = destination.with_name(f".{destination.name}.{secrets.token_hex(4)}")
        try:
            push_file(self._streams, source, partial, mode, deadline)
            # Android's daemon gives group and others the owner's rights, whatever mode it is asked for.
            quoted = shlex.quote(str(partial))
            self.shell(
                f"chmod {mode:o} {quoted} && mv -f {quoted} {shlex.quote(str(destination))}",
                timeout_s=deadline.remaining_s(),
            )
        except BaseException:
            self._remove(partial)
            raise

    def pull(self, source: PurePosixPath, destination: Path, *, timeout_s: float) -> None:
        """Copy a file from the device; see `Transport.pull`."""
        pull_file(self._streams, source, destination, Deadline(timeout_s, f"send {source}"))

    def tunnel(
        self, remote_port: int, *, timeout_s: float, answer_timeout_s: float | None = None
    ) -> AbstractContextManager[int]:
        """Reach a port of the phone; see `Transport.tunnel`."""
        return tunnel_process(TunnelRequest(self._route, remote_port, timeout_s, answer_timeout_s))

    def close(self) -> None:
        """End the connection; see `Transport.close`."""
        self._streams.close()

    def _remove(self, path: PurePosixPath) -> None:
        try:
            self.shell(f"rm -f {shlex.quote(str(path))}", timeout_s=_CLEANUP_TIMEOUT_S, check=False)
        except DeviceError:
            pass  # the link itself is what failed; the first error is the one to report
