"""What befalls a choice on a phone is a result about it; what befalls the phone is none."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from faulty_kernels import job

from android_runner.errors import (
    DeviceError,
    DeviceFullError,
    LinkLostError,
    NoSuchDeviceError,
    ServerError,
    ServerGoneError,
    TransportTimeoutError,
)
from android_runner.tuning import measure, phone_answers, place
from android_runner.tuning.device_state import DeviceState
from android_runner.tuning.measure import Times, WrongNumbersError
from android_runner.tuning.phone_answers import PhoneAnswers, retry
from android_runner.tuning.worker import Answer, Gone

STATE = DeviceState(phone="abc", battery_celsius=30.0)
OK = Answer("ok", "", 1.0, 2.0, STATE)


class FakePhone:
    """A phone whose session does nothing."""

    def __init__(self) -> None:
        """Start in order."""
        self.session = self
        self.failure: DeviceError | None = None
        self.unreachable = False

    def take_sole_use(self) -> None:
        """Be had alone."""

    def set_threads(self, threads: int) -> None:
        """Take one thread."""
        assert threads == 1

    def state(self) -> DeviceState:
        """Answer if it can be reached."""
        if self.unreachable:
            raise LinkLostError("Expected a state; the link was lost")
        return STATE

    def check(self) -> None:
        """Answer if it can be reached."""
        self.state()


class FakeLink:
    """Opens phones as a script says, and counts those that are open."""

    def __init__(self, *script: DeviceError | None) -> None:
        """Take what each opening comes to; afterwards all succeed."""
        self.script = list(script)
        self.opened = self.closed = 0
        self.phone = FakePhone()

    @contextmanager
    def open(self, limit_s: float) -> Iterator[FakePhone]:
        """Give a new phone, or the script's error."""
        assert limit_s == 7
        if self.script and (error := self.script.pop(0)):
            raise error
        self.opened += 1
        self.phone = FakePhone()
        yield self.phone
        self.closed += 1


Measured = Callable[[FakePhone], Times]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeLink]:
    """Makes a link, and what measurements on it come to, one after the other."""
    outcomes: list[Any] = []

    class FakeBench:
        """Answers as the script says."""

        def __init__(self, _request: object, _target: object, phone: FakePhone) -> None:
            self.phone = phone

        def measure(self, _choice: object, rounds: int) -> Times:
            """Play the next outcome."""
            assert rounds == 1
            outcome, ends_session, unreachable = outcomes.pop(0)
            self.phone.failure = outcome if ends_session else None
            self.phone.unreachable = unreachable
            if outcome is not None:
                raise outcome
            return Times(1.0, 2.0)

    monkeypatch.setattr(measure, "Bench", FakeBench)
    monkeypatch.setattr(place, "PhonePlace", lambda session: session)
    monkeypatch.setattr(phone_answers.time, "sleep", lambda _: None)
    monkeypatch.setattr(phone_answers.signal, "signal", lambda *_: None)

    def make(*measurements: Any, openings: tuple[DeviceError | None, ...] = ()) -> FakeLink:
        outcomes.extend(
            one if isinstance(one, tuple) else (one, isinstance(one, DeviceError), False)
            for one in measurements
        )
        return FakeLink(*openings)

    return make


def answers(link: FakeLink, count: int = 1) -> list[Answer | Gone]:
    with PhoneAnswers(link, 1, 7, back_off_s=(1, 2))() as answer:
        found = [answer(job()) for _ in range(count)]
    assert link.opened == link.closed
    return found


Scripted = Callable[..., FakeLink]


def test_one_session_serves_many_choices(scripted: Scripted) -> None:
    link = scripted(None, WrongNumbersError("3 of 4"), ValueError("no such\nkernel"), None)
    assert answers(link, 4) == [
        OK,
        Answer("wrong", "3 of 4", device=STATE),
        Answer("failed", "ValueError: no such kernel", device=STATE),
        OK,
    ]
    assert link.opened == 1


def test_what_the_runtime_refuses_ends_no_session(scripted: Scripted) -> None:
    link = scripted((ServerError("its runtime said: no"), False, False), None)
    refused, fine = answers(link, 2)
    assert (refused.outcome, fine.outcome) == ("failed", "ok")
    assert link.opened == 1


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (ServerError("killed by signal 11"), "crashed"),
        (TransportTimeoutError("not within 7 s"), "timeout"),
    ],
)
def test_a_crash_or_a_hang_costs_a_session(scripted: Scripted, error: DeviceError, outcome: str) -> None:
    link = scripted(error, None)
    assert answers(link, 2) == [Answer(outcome, str(error), device=STATE), OK]
    assert link.opened == 2


@pytest.mark.parametrize(
    "lost",
    [
        LinkLostError("the link was lost"),
        ServerGoneError("ended from outside"),
        # The link stalls: that is not the kernel's fault.
        (TransportTimeoutError("not within 7 s"), True, True),
    ],
)
def test_a_lost_phone_is_found_again_and_the_choice_measured(scripted: Scripted, lost: Any) -> None:
    link = scripted(lost, None, openings=(None, LinkLostError("still gone"), LinkLostError("still gone")))
    assert answers(link) == [OK]
    assert link.opened == 2


def test_a_choice_with_which_the_phone_is_lost_each_time_is_at_fault(scripted: Scripted) -> None:
    (answer,) = answers(scripted(LinkLostError("first"), LinkLostError("second")))
    assert isinstance(answer, Answer)
    assert answer.outcome == "crashed"
    assert "second" in answer.reason


def test_a_phone_that_stays_away_is_gone(scripted: Scripted) -> None:
    gone = [LinkLostError("gone for good")] * 9
    assert answers(scripted(LinkLostError("lost"), openings=(None, *gone))) == [Gone("gone for good")]


def test_a_phone_that_never_was_is_not_waited_for(scripted: Scripted) -> None:
    link = scripted(openings=(NoSuchDeviceError("no such phone"), None))
    assert answers(link) == [Gone("no such phone")]
    assert link.opened == 0


def test_a_phone_without_space_is_no_fault_of_the_choice(scripted: Scripted) -> None:
    assert answers(scripted(DeviceFullError("free some space"))) == [Gone("free some space")]


def test_retrying_waits_longer_each_time() -> None:
    waited: list[float] = []

    def fail() -> Any:
        raise LinkLostError(f"after {len(waited)}")

    with pytest.raises(LinkLostError, match="after 3"):
        retry(fail, (1, 2, 4), waited.append)
    assert waited == [1, 2, 4]
