"""What is done again after a lost link, what is not, how long, and when a phone is given up."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pytest

from android_runner.errors import (
    AuthenticationError,
    DeviceError,
    DeviceFullError,
    LinkDownError,
    LinkLostError,
    NoSuchDeviceError,
)
from android_runner.reconnecting import BACK_OFF_S, ReconnectingTransport
from android_runner.transport import ShellResult

LIMIT_S = 60.0
FILE = PurePosixPath("/data/local/tmp/x")


class Phone:
    """Answers calls, and attempts to connect, by scripts: an error is raised, None goes well."""

    serial = "fake:1"

    def __init__(self, calls: list[DeviceError | None], connects: list[DeviceError | None] | None = None):
        """Take what the calls and the attempts come to; after the scripts all go well."""
        self.calls, self.connects = list(calls), [None, *(connects or [])]
        self.made: list[str] = []
        self.opened = self.closed = 0

    def connect(self) -> "Phone":
        """Be connected to."""
        if self.connects and (error := self.connects.pop(0)):
            raise error
        self.opened += 1
        return self

    def _call(self, name: str) -> None:
        self.made.append(name)
        if self.calls and (error := self.calls.pop(0)):
            raise error

    def shell(self, command: str, *, timeout_s: float, check: bool = True) -> ShellResult:
        """Run a command."""
        assert 0 < timeout_s <= LIMIT_S and check
        self._call(command)
        return ShellResult(0, "", "")

    def push(self, source: Path, destination: PurePosixPath, *, mode: int = 0o644, timeout_s: float) -> None:
        """Take a file."""
        assert (source, destination, mode) == (Path("x"), FILE, 0o755) and 0 < timeout_s <= LIMIT_S
        self._call("push")

    def pull(self, source: PurePosixPath, destination: Path, *, timeout_s: float) -> None:
        """Give a file."""
        assert (destination, source) == (Path("x"), FILE) and 0 < timeout_s <= LIMIT_S
        self._call("pull")

    @contextmanager
    def tunnel(
        self, remote_port: int, *, timeout_s: float, answer_timeout_s: float | None = None
    ) -> Iterator[int]:
        """Open a tunnel."""
        assert answer_timeout_s == 9.0 and 0 < timeout_s <= LIMIT_S
        self._call("tunnel")
        yield remote_port

    def close(self) -> None:
        """Count it."""
        self.closed += 1


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def reconnecting(waits: list[float]) -> Callable[[Phone], ReconnectingTransport]:
    return lambda phone: ReconnectingTransport(phone.connect, sleep=waits.append)


Open = Callable[[Phone], ReconnectingTransport]


def push(transport: ReconnectingTransport) -> None:
    transport.push(Path("x"), FILE, mode=0o755, timeout_s=LIMIT_S)


def pull(transport: ReconnectingTransport) -> None:
    transport.pull(FILE, Path("x"), timeout_s=LIMIT_S)


def tunnel(transport: ReconnectingTransport) -> None:
    with transport.tunnel(7, timeout_s=LIMIT_S, answer_timeout_s=9.0) as port:
        assert port == 7


def shell(transport: ReconnectingTransport) -> None:
    transport.shell("date", timeout_s=LIMIT_S)


@pytest.mark.parametrize("call", [push, pull, tunnel])
def test_what_may_be_done_twice_is_repeated(
    reconnecting: Open, waits: list[float], call: Callable[[ReconnectingTransport], None]
) -> None:
    phone = Phone([LinkLostError("gone"), LinkDownError("still")], [NoSuchDeviceError("nobody"), None])
    call(reconnecting(phone))
    assert phone.made == [call.__name__] * 3
    assert (phone.opened, phone.closed) == (3, 2)
    # Refused at first; the second loss starts from the shortest wait again.
    assert waits == [BACK_OFF_S[0], BACK_OFF_S[1], BACK_OFF_S[0]]


def test_a_command_under_way_is_not_sent_twice(reconnecting: Open, waits: list[float]) -> None:
    phone = Phone([LinkLostError("gone"), LinkDownError("gone before")])
    transport = reconnecting(phone)
    with pytest.raises(LinkLostError, match=r"^gone$"):
        shell(transport)
    assert not waits
    shell(transport)  # nothing of this one was sent at first
    assert phone.made == ["date"] * 3 and waits == [BACK_OFF_S[0]]


def test_other_errors_are_not_repeated(reconnecting: Open) -> None:
    phone = Phone([DeviceFullError("full")])
    with pytest.raises(DeviceFullError):
        push(reconnecting(phone))
    assert (phone.made, phone.opened) == (["push"], 1)


def test_a_phone_that_does_not_come_back_is_given_up_once(reconnecting: Open, waits: list[float]) -> None:
    phone = Phone([LinkLostError("gone")], [NoSuchDeviceError("nobody there")] * len(BACK_OFF_S))
    transport = reconnecting(phone)
    for call in (push, shell, tunnel):
        with pytest.raises(LinkDownError, match="gone; it did not come back: nobody there"):
            call(transport)
    assert waits == list(BACK_OFF_S) and phone.made == ["push"]


def test_a_key_that_is_not_known_any_more_is_not_tried_again(reconnecting: Open, waits: list[float]) -> None:
    phone = Phone([LinkLostError("gone")], [AuthenticationError("confirm it on the phone")])
    with pytest.raises(LinkDownError, match="confirm it on the phone"):
        push(reconnecting(phone))
    assert waits == [BACK_OFF_S[0]]


def test_the_first_connection_fails_at_once(reconnecting: Open, waits: list[float]) -> None:
    phone = Phone([])
    phone.connects = [NoSuchDeviceError("wrong address")]
    with pytest.raises(NoSuchDeviceError):
        reconnecting(phone)
    assert not waits


def test_after_closing_it_does_not_connect_again(reconnecting: Open, waits: list[float]) -> None:
    phone = Phone([])
    transport = reconnecting(phone)
    transport.close()
    with pytest.raises(LinkLostError, match="was closed"):
        shell(transport)
    assert (phone.opened, phone.closed, waits, phone.made) == (1, 1, [], [])
