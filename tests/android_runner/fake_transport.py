"""A transport whose shell answers come from a script, for logic that needs no phone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from android_runner.errors import DeviceError, RemoteCommandError
from android_runner.transport import ShellResult


class FakeTransport:
    """Implements `android_runner.transport.Transport`; tests assert that its script is used up."""

    serial = "fake:5555"

    def __init__(self, script: Sequence[tuple[str, ShellResult | DeviceError]]) -> None:
        """Take pairs of what a command must contain and what it answers."""
        self.script = list(script)
        self.pushed: list[tuple[str, int]] = []
        self.closed = False

    def shell(self, command: str, *, timeout_s: float, check: bool = True) -> ShellResult:
        """Answer as the script says."""
        assert timeout_s > 0
        assert self.script, f"an unexpected command: {command}"
        expected, answer = self.script.pop(0)
        assert expected in command, f"expected {expected} in: {command}"
        if isinstance(answer, DeviceError):
            raise answer
        if check and answer.exit_code != 0:
            raise RemoteCommandError(command, answer.exit_code, answer.stdout, answer.stderr)
        return answer

    def push(self, source: Path, destination: PurePosixPath, *, mode: int = 0o644, timeout_s: float) -> None:
        """Note what was pushed."""
        assert source.is_file() and timeout_s > 0
        self.pushed.append((destination.name, mode))

    def pull(self, source: PurePosixPath, destination: Path, *, timeout_s: float) -> None:
        """No test pulls from it."""
        raise AssertionError(f"unexpected: pull {source} to {destination} within {timeout_s} s")

    @contextmanager
    def tunnel(
        self, remote_port: int, *, timeout_s: float, answer_timeout_s: float | None = None
    ) -> Iterator[int]:
        """Give the same port, as if phone and host were one machine."""
        assert timeout_s > 0 and (answer_timeout_s is None or answer_timeout_s > 0)
        yield remote_port

    def close(self) -> None:
        """Note it."""
        self.closed = True
