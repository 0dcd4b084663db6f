"""What the runner needs of a phone's link: shell, push, pull and a tunnel to one of its ports."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol


@dataclass(frozen=True)
class ShellResult:
    """What a shell command on the device answered.

    Attributes:
        exit_code: The command's exit code; 128 + N after signal N.
        stdout: Its standard output, undecodable bytes replaced.
        stderr: Its standard error, likewise.
    """

    exit_code: int
    stdout: str
    stderr: str


class Transport(Protocol):
    """A link to one device. Calls may come from several threads; each has a time limit of its own."""

    serial: str

    def shell(self, command: str, *, timeout_s: float, check: bool = True) -> ShellResult:
        """Run a command line in the device's shell with empty standard input.

        Raises:
            RemoteCommandError: It ended with another exit code than 0, and ``check`` is set.
            TransportError: The link failed, or the time is up.
        """
        ...

    def push(self, source: Path, destination: PurePosixPath, *, mode: int = 0o644, timeout_s: float) -> None:
        """Copy a file to the device; the destination is replaced as a whole or stays as it was.

        Raises:
            DeviceFullError: The device has no space for it.
            RemoteFileError: The device refused the path.
            TransportError: The link failed, or the time is up.
        """
        ...

    def pull(self, source: PurePosixPath, destination: Path, *, timeout_s: float) -> None:
        """Copy a file from the device; the destination is replaced as a whole or stays as it was.

        Raises:
            RemoteFileError: The device cannot read it.
            TransportError: The link failed, or the time is up.
        """
        ...

    def tunnel(
        self, remote_port: int, *, timeout_s: float, answer_timeout_s: float | None = None
    ) -> AbstractContextManager[int]:
        """Give the number of a port of 127.0.0.1 here that reaches a port of 127.0.0.1 there.

        Args:
            remote_port: The port on the device.
            timeout_s: Limits the opening.
            answer_timeout_s: A connection whose last words have had no answer for so long is ended; for
                protocols of question and answer, where it limits each call. None for no limit.

        Raises:
            RefusedPortError: Nothing listens there.
            TransportError: The link failed, or the time is up.
        """
        ...

    def close(self) -> None:
        """End the link; every call that waits on it fails with LinkLostError."""
        ...
