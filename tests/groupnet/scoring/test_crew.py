"""Devices at work: each image once whoever is lost, wrong numbers end it, and nobody is left behind."""

import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from android_runner.errors import LinkLostError, VerificationError, WrongArchitectureError
from android_runner.verification import ReferenceTensors, VerificationPlan, VerificationReport
from groupnet.scoring.board import Board
from groupnet.scoring.crew import Check, Checked, Crew, Event, Lost, Opened, Scored, Work
from groupnet.scoring.places import Place
from models.errors import DataError

PLAN = VerificationPlan((), ())
REFERENCE = ReferenceTensors((), (), ())
REPORT = VerificationReport(1, 2, True, 0.0, 0.0, 0, 3)


class Doubling:
    """A place that doubles numbers, and is lost or wrong when it is told to be."""

    def __init__(self, name: str, fail_at: int | None, wrong: Exception | None) -> None:
        self.name, self.about = name, {"name": name}
        self._fail_at, self._wrong = fail_at, wrong
        self._started: deque[Any] = deque()
        self._finished = 0

    def start(self, rows: Any) -> None:
        self._started.append(rows)
        assert len(self._started) <= 2

    def finish(self) -> list[Any]:
        self._finished += 1
        if self._finished == self._fail_at:
            raise LinkLostError(f"Expected {self.name} to stay; it did not; look for it")
        return [self._started.popleft().astype(np.int64) * 2]

    def verify(self, plan: VerificationPlan, reference: ReferenceTensors) -> VerificationReport:
        assert (plan, reference) == (PLAN, REFERENCE)
        if self._wrong is not None:
            raise self._wrong
        return REPORT


class Opener:
    """Opens a place that fails at some chunk for the first times."""

    def __init__(
        self, name: str, *, fail_at: int | None = None, times: int = 1, wrong: Exception | None = None
    ) -> None:
        self._name, self._fail_at, self._times, self._wrong = name, fail_at, times, wrong
        self.opened = self.closed = 0

    @contextmanager
    def open(self) -> Iterator[Place]:
        self.opened += 1
        try:
            yield Doubling(self._name, self._fail_at if self.opened <= self._times else None, self._wrong)
        finally:
            self.closed += 1

    def stop(self) -> None:
        """Nothing holds it."""


def work(count: int, devices: int, checks: int = 0) -> Work:
    return Work(
        Board(range(count), devices),
        read=lambda images: (np.array(images, np.uint8)[:, None], list(images)),
        prepare=lambda pixels: pixels,
        image_bytes=1 << 23,
        reference=(PLAN, REFERENCE),
        checks=deque(Check(number, PLAN, REFERENCE) for number in range(checks)),
    )


def run(openers: list[Opener], todo: Work) -> list[Event]:
    events = list(Crew(openers, todo, retry_s=(0.01, 0.01)).run())
    assert all(opener.opened == opener.closed for opener in openers)
    assert not [thread for thread in threading.enumerate() if thread.name == "score"]
    return events


def images(events: list[Event]) -> list[int]:
    scored = [event for event in events if isinstance(event, Scored)]
    for event in scored:
        assert event.truths == list(event.images) == event.pixels[:, 0].tolist()
        assert np.array_equal(event.outputs[0][:, 0], 2 * np.array(event.images))
    return sorted(index for event in scored for index in event.images)


def test_one_device_scores_all() -> None:
    events = run([Opener("a")], work(50, 1, checks=2))
    assert images(events) == list(range(50))
    assert events[0] == Opened("a", {"name": "a"}, REPORT)
    assert [event.image for event in events if isinstance(event, Checked)] == [0, 1]


@pytest.mark.parametrize("fail_at", [1, 2, 3])
def test_a_lost_devices_images_are_scored_once_all_the_same(fail_at: int) -> None:
    events = run([Opener("a"), Opener("b", fail_at=fail_at, times=1)], work(60, 2, checks=3))
    assert images(events) == list(range(60))
    checked = Counter(event.image for event in events if isinstance(event, Checked))
    assert checked == Counter(range(3))
    assert sum(isinstance(event, Lost) for event in events) <= 1


def test_a_device_that_never_works_is_left_out() -> None:
    events = run([Opener("a"), Opener("b", fail_at=1, times=1000)], work(60, 2))
    assert images(events) == list(range(60))
    assert {event.device for event in events if isinstance(event, Scored)} == {"a"}


def test_nothing_works_any_more() -> None:
    broken = [Opener(name, fail_at=1, times=1000) for name in "ab"]
    with pytest.raises(LinkLostError):
        run(broken, work(60, 2))
    assert all(opener.opened >= 3 for opener in broken)


def test_a_device_alone_is_not_waited_for() -> None:
    alone = Opener("a", fail_at=2)
    with pytest.raises(LinkLostError):
        run([alone], work(60, 1))
    assert alone.opened == alone.closed == 1


@pytest.mark.parametrize("error", [VerificationError("wrong"), WrongArchitectureError("other")])
def test_wrong_numbers_end_it_for_all(error: Exception) -> None:
    with pytest.raises(type(error), match=str(error)):
        run([Opener("a", wrong=error), Opener("b", wrong=error)], work(1000, 2))


def test_a_damaged_image_ends_it() -> None:
    def read(images: Sequence[int]) -> tuple[Any, Any]:
        if 9 in images:
            raise DataError("image 9")
        return np.zeros((len(images), 1), np.uint8), list(images)

    todo = work(20, 1)
    todo.read = read
    with pytest.raises(DataError, match="image 9"):
        run([Opener("a")], todo)


def test_who_has_enough_may_leave() -> None:
    openers = [Opener("a"), Opener("b")]
    running = Crew(openers, work(1000, 2)).run()
    assert any(isinstance(event, Scored) for event in running)
    running.close()
    assert all(opener.opened == opener.closed for opener in openers)


def test_nothing_to_do_opens_nothing() -> None:
    opener = Opener("a")
    assert run([opener], work(0, 1)) == [] and opener.opened == 0
