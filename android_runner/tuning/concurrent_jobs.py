"""Measures a batch, on as many devices at once as there are."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol

from android_runner.tuning.worker import Answer, Job


class Measurer(Protocol):
    """What measures a job: `worker.Worker`, `rack.Rack`, or what a test puts in their place."""

    def measure(self, job: Job) -> Answer:
        """Measure one choice."""


def measure_all(
    measurer: Measurer, jobs: Sequence[Job], parallel: int, end: float = float("inf")
) -> Iterator[tuple[Job, Answer]]:
    """Yield jobs with their answers as they come; none is begun after `end` (of `time.monotonic`).

    Raises:
        DeviceError: the measurer's first, after the answers of all jobs that were under way.
    """
    if parallel == 1:
        for job in jobs:
            if time.monotonic() >= end:
                return
            yield job, measurer.measure(job)
        return
    pool = ThreadPoolExecutor(parallel, thread_name_prefix="measure")
    try:
        yield from _measure_in_threads(pool, measurer, list(jobs), parallel, end)
    finally:
        # Who does not wait for the answers (Ctrl-C) is about to stop the measurer, which ends the threads.
        pool.shutdown(wait=False, cancel_futures=True)


def _measure_in_threads(
    pool: ThreadPoolExecutor, measurer: Measurer, left: list[Job], parallel: int, end: float
) -> Iterator[tuple[Job, Answer]]:
    under_way: dict[Future[Answer], Job] = {}
    failure: BaseException | None = None
    while True:
        while left and len(under_way) < parallel and failure is None and time.monotonic() < end:
            job = left.pop(0)
            under_way[pool.submit(measurer.measure, job)] = job
        if not under_way:
            break
        done, _ = wait(under_way, return_when=FIRST_COMPLETED)
        for future in done:
            job = under_way.pop(future)
            error = future.exception()
            if error is None:
                yield job, future.result()
            failure = failure or error
    if failure is not None:
        raise failure
