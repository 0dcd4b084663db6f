"""The transport over ADB on TCP in pure Python: no adb server, one connection for everything."""

from __future__ import annotations

import secrets
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from android_runner.adb_login import adb_login
from android_runner.adb_services import pull_file, push_file, run_shell
from android_runner.adb_streams import AdbStreams
from android_runner.deadline import Deadline
from android_runner.errors import DeviceError, RemoteCommandError
from android_runner.transport import ShellResult
from android_runner.tunnel import Tunnel

_CLEANUP_TIMEOUT_S = 10.0


class AdbShellTransport:
    """Implements `android_runner.transport.Transport` for a phone that offers ADB over TCP."""

    def __init__(self, streams: AdbStreams, serial: str) -> None:
        """Take over a connection that `adb_login` opened."""
        self.serial = serial
        self._streams = streams

    @classmethod
    def connect(cls, host: str, port: int, key: Path, timeout_s: float) -> AdbShellTransport:
        """Connect to ``host:port`` with an ADB key; raises what `adb_login` raises."""
        connection, max_payload_bytes = adb_login(host, port, key, timeout_s)
        serial = f"{host}:{port}"
        return cls(AdbStreams(connection, max_payload_bytes, serial), serial)

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
            self.shell(
                f"mv -f {shlex.quote(str(partial))} {shlex.quote(str(destination))}",
                timeout_s=deadline.remaining_s(),
            )
        except BaseException:
            self._remove(partial)
            raise

    def pull(self, source: PurePosixPath, destination: Path, *, timeout_s: float) -> None:
        """Copy a file from the device; see `Transport.pull`."""
        pull_file(self._streams, source, destination, Deadline(timeout_s, f"send {source}"))

    @contextmanager
    def tunnel(self, remote_port: int, *, timeout_s: float) -> Iterator[int]:
        """Reach a port of the phone; see `Transport.tunnel`."""
        deadline = Deadline(timeout_s, f"open a tunnel to its port {remote_port}")
        tunnel = Tunnel(self._streams, remote_port, deadline)
        try:
            yield tunnel.local_port
        finally:
            tunnel.close()

    def close(self) -> None:
        """End the connection; see `Transport.close`."""
        self._streams.close()

    def _remove(self, path: PurePosixPath) -> None:
        try:
            self.shell(f"rm -f {shlex.quote(str(path))}", timeout_s=_CLEANUP_TIMEOUT_S, check=False)
        except DeviceError:
            pass  # the link itself is what failed; the first error is the one to report
