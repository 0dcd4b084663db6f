"""The transport over ADB on TCP in pure Python, without an adb server."""

from __future__ import annotations

import secrets
import shlex
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath

from android_runner.adb_login import adb_login
from android_runner.adb_services import pull_file, push_file, run_shell
from android_runner.adb_streams import AdbStreams
from android_runner.deadline import Deadline
from android_runner.errors import DeviceError, RemoteCommandError
from android_runner.transport import ShellResult
from android_runner.tunnel_process import TunnelRequest, tunnel_process

_CLEANUP_TIMEOUT_S = 10.0


class AdbShellTransport:
    """Implements `android_runner.transport.Transport` for a phone that offers ADB over TCP."""

    def __init__(self, streams: AdbStreams, host: str, port: int, key: Path) -> None:
        """Take over a connection that `adb_login` opened; tunnels log in again with the same ``key``."""
        self.serial = f"{host}:{port}"
        self._streams = streams
        self._host = host
        self._port = port
        self._key = key.resolve()  # the tunnel's process has another working folder

    @classmethod
    def connect(cls, host: str, port: int, key: Path, timeout_s: float) -> AdbShellTransport:
        """Connect to ``host:port`` with an ADB key; raises what `adb_login` raises."""
        connection, max_payload_bytes = adb_login(host, port, key, timeout_s)
        return cls(AdbStreams(connection, max_payload_bytes, f"{host}:{port}"), host, port, key)

    def shell(self, command: str, *, timeout_s: float, check: bool = True) -> ShellResult:
        """Run a command line; see `Transport.shell`."""
        result = run_shell(self._streams, command, Deadline(timeout_s, f"run `{command}`"))
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
        return tunnel_process(
            TunnelRequest(self._host, self._port, str(self._key), remote_port, timeout_s, answer_timeout_s)
        )

    def close(self) -> None:
        """End the connection; see `Transport.close`."""
        self._streams.close()

    def _remove(self, path: PurePosixPath) -> None:
        try:
            self.shell(f"rm -f {shlex.quote(str(path))}", timeout_s=_CLEANUP_TIMEOUT_S, check=False)
        except DeviceError:
            pass  # the link itself is what failed; the first error is the one to report
