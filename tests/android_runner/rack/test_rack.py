"""Jobs of a phone that drops out go to others; it is left out, tried again, and may come back."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from android_runner.errors import DevicesGoneError
from android_runner.rack.rack import Rack
from android_runner.tuning.worker import Answer, Job
from tvm_schedules.tile import Tile
from tvm_schedules.tuning.choice import Choice
from tvm_schedules.tuning.request import KernelRequest

JOBS = [Job(KernelRequest(print, None, ()), Choice(Tile(1, 1, 1, n)), "", 1) for n in range(1, 9)]
SOON_S = (0.01, 0.02)


class Phone:
    """A worker whose phone is gone for some measurements, or for good."""

    def __init__(self, *gone: int, after: int | None = None) -> None:
        """Take the measurements with which it is lost, and after which it is gone for good."""
        self.gone, self.after = gone, after
        self.asked = 0
        self.measured: list[Job] = []
        self.stopped = False

    def measure(self, job: Job) -> Answer:
        """Answer, or be lost."""
        self.asked += 1
        if self.asked in self.gone or (self.after is not None and self.asked > self.after):
            raise DevicesGoneError(f"lost with measurement {self.asked}")
        self.measured.append(job)
        return Answer("ok", "", 1.0, 1.0)

    def stop(self) -> None:
        """Note it."""
        self.stopped = True


def measure(*phones: Phone) -> list[Answer]:
    with Rack(phones, SOON_S) as rack, ThreadPoolExecutor(len(phones)) as pool:
        answers = list(pool.map(rack.measure, JOBS, timeout=60))
    assert all(phone.stopped for phone in phones)
    return answers


def test_every_job_is_measured_once_whoever_drops_out() -> None:
    phones = Phone(), Phone(2), Phone(after=1)
    assert len(measure(*phones)) == len(JOBS)
    measured = [job for phone in phones for job in phone.measured]
    assert len(measured) == len(JOBS)
    assert set(measured) == set(JOBS)


def test_a_phone_may_come_back() -> None:
    phone = Phone(2, 3)
    assert len(measure(phone)) == len(JOBS)
    assert phone.asked == len(JOBS) + 2


def test_when_all_are_gone_for_good_the_last_reason_is_told() -> None:
    phones = Phone(after=1), Phone(after=1)
    with pytest.raises(DevicesGoneError, match="lost with measurement"):
        measure(*phones)
    # Each was tried again as often as there are waits.
    assert all(phone.asked - len(phone.measured) == len(SOON_S) + 1 for phone in phones)


def test_two_jobs_never_share_a_phone() -> None:
    both = threading.Barrier(2, timeout=30)

    class Meeting(Phone):
        def measure(self, job: Job) -> Answer:
            both.wait()
            return super().measure(job)

    phones = Meeting(), Meeting()
    measure(*phones)
    assert [len(phone.measured) for phone in phones] == [len(JOBS) // 2] * 2
