"""Measures on several phones at once: one that drops out is retried, then left out, and may come back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from android_runner.errors import DevicesGoneError
from android_runner.tuning.worker import Answer, Job

logger = logging.getLogger(__name__)

RETRY_S = (2.0, 10.0, 30.0)
"""Waits before a place that failed is tried again; the last one for as long as others work."""


class Stoppable(Protocol):
    """A measurer that is ended: `worker.Worker`."""

    def measure(self, job: Job) -> Answer:
        """Measure one choice; raises DevicesGoneError where it has no phone."""

    def stop(self) -> None:
        """End it."""


@dataclass
class _Place:
    worker: Stoppable
    busy: bool = False
    failures: int = 0
    retry_at_s: float = 0.0


class Rack:
    """A measurer for several threads: each job goes to a place that is free; a context manager.

    A job is none of a phone's that was lost with it: it goes to another place.
    """

    def __init__(self, workers: Sequence[Stoppable], retry_s: tuple[float, ...] = RETRY_S) -> None:
        """Take one worker for each phone that is to measure at once."""
        self._places = [_Place(worker) for worker in workers]
        self._retry_s = retry_s
        self._changed = threading.Condition()
        self._last: DevicesGoneError | None = None

    def __enter__(self) -> Rack:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def measure(self, job: Job) -> Answer:
        """Measure one choice.

        Raises:
            DevicesGoneError: every place has failed again and again.
            MeasuringProcessError: a process that measures cannot be started.
        """
        while True:
            place = self._take()
            failure: DevicesGoneError | None = None
            try:
                answer = place.worker.measure(job)
                place.failures = 0
                return answer
            except DevicesGoneError as exc:
                failure = exc
                logger.warning("%s", exc)
            finally:
                self._give_back(place, failure)

    def stop(self) -> None:
        """End all workers; who still measures gets an answer that says so."""
        threads = [threading.Thread(target=place.worker.stop) for place in self._places]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _take(self) -> _Place:
        with self._changed:
            while True:
                now_s = time.monotonic()
                free = [place for place in self._places if not place.busy]
                ready = [place for place in free if place.retry_at_s <= now_s]
                if self._last and len(free) == len(self._places) and all(map(self._exhausted, free)):
                    raise self._last
                if ready:
                    place = min(ready, key=lambda one: one.failures)
                    place.busy = True
                    return place
                waits = [place.retry_at_s - now_s for place in free]
                self._changed.wait(min(waits, default=None))

    def _give_back(self, place: _Place, failure: DevicesGoneError | None) -> None:
        with self._changed:
            if failure is not None:
                self._last = failure
                wait_s = self._retry_s[min(place.failures, len(self._retry_s) - 1)]
                place.failures += 1
                place.retry_at_s = time.monotonic() + wait_s
            place.busy = False
            self._changed.notify_all()

    def _exhausted(self, place: _Place) -> bool:
        return place.failures > len(self._retry_s)
