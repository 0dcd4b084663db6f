"""Batches on several devices at once: every answer comes, and a failure keeps the others' answers."""

import threading
import time

import pytest
from kernels_to_tune import TARGET, Invented, task

from android_runner.errors import DevicesGoneError
from android_runner.tuning.concurrent_jobs import measure_all
from android_runner.tuning.worker import Answer, Job
from tvm_schedules.tuning.spaces import kernel_space

TASK = task(64)
JOBS = [Job(TASK.request, choice, str(TARGET), 1) for choice in kernel_space(TASK.request, TARGET)[1:7]]


class Pairs:
    """Answers only when two jobs are there at once."""

    def __init__(self) -> None:
        """Start without jobs."""
        self._both = threading.Barrier(2, timeout=30)

    def measure(self, job: Job) -> Answer:
        """Wait for another job."""
        self._both.wait()
        return Answer("ok", str(job.choice), 1.0, 1.0)


@pytest.mark.parametrize("parallel", [1, 2, 4])
def test_every_job_is_answered_once(parallel: int) -> None:
    answered = dict(measure_all(Invented(), JOBS, parallel))
    assert set(answered) == set(JOBS)


def test_jobs_run_at_the_same_time() -> None:
    answered = dict(measure_all(Pairs(), JOBS, 2))
    assert all(answer.reason == str(job.choice) for job, answer in answered.items())
    assert len(answered) == len(JOBS)


@pytest.mark.parametrize("parallel", [1, 2])
def test_nothing_is_begun_after_the_end(parallel: int) -> None:
    assert list(measure_all(Invented(), JOBS, parallel, end=time.monotonic())) == []


class Failing:
    """Fails once the second job comes, and lets the first be answered after that."""

    def __init__(self) -> None:
        """Start before the failure."""
        self._failed = threading.Event()

    def measure(self, job: Job) -> Answer:
        """Answer the first job, fail all others."""
        if job is JOBS[0]:
            assert self._failed.wait(30)
            return Answer("ok", "", 1.0, 1.0)
        self._failed.set()
        raise DevicesGoneError("Expected a phone; it is gone")


def test_a_failure_keeps_what_is_under_way_and_begins_nothing() -> None:
    answered = []
    with pytest.raises(DevicesGoneError):
        for job, _ in measure_all(Failing(), JOBS, 2):
            answered.append(job)
    assert answered == JOBS[:1]
