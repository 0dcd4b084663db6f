"""Measuring again what a hot phone has spoilt: a decision on what was seen, and the loop that follows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Generic, TypeVar

from android_runner.throttling import Reading, Throttling
from android_runner.tuning.device_state import DeviceState

Measured = TypeVar("Measured")

MAX_ATTEMPTS = 3


@dataclass(frozen=True)
class Attempt(Generic[Measured]):
    """One measurement.

    Attributes:
        measured: What came of it.
        p50_ms: Its median, by which attempts are compared.
        readings: What the phone said meanwhile; none of a device that is not watched.
        throttling: What that means; None likewise.
        state: How warm the phone was before, and what was waited for it; None likewise.
    """

    measured: Measured
    p50_ms: float
    readings: list[Reading]
    throttling: Throttling | None
    state: DeviceState | None


def must_repeat(seen: Sequence[Throttling | None]) -> bool:
    """Whether to measure again, by what all attempts so far have seen.

    Not forever, and not if the last two were throttled for the very same reasons: a clock that is capped by a
    battery saver, say, stays where it is however long the phone rests.
    """
    last = seen[-1]
    if last is None or not last.throttled or len(seen) >= MAX_ATTEMPTS:
        return False
    before = seen[-2] if len(seen) > 1 else None
    return before is None or before.reasons != last.reasons


def best_attempt(attempts: Sequence[Attempt[Measured]]) -> Attempt[Measured]:
    """Return the last attempt where it was not throttled, else the one with the shortest median."""
    last = attempts[-1]
    if last.throttling is None or not last.throttling.throttled:
        return last
    return min(attempts, key=lambda attempt: attempt.p50_ms)


def measure_cool(
    measure: Callable[[list[Reading]], tuple[Measured, float]],
    watch: Callable[[], AbstractContextManager[list[Reading]]],
    cool_down: Callable[[], DeviceState | None],
    judge: Callable[[list[Reading]], Throttling],
) -> list[Attempt[Measured]]:
    """Measure, and again while `must_repeat` says so, each time after the phone has cooled down.

    Args:
        measure: Measures once, given the readings as they come; returns what came of it, and its median.
        watch: Reads the phone meanwhile; see `Device.watch`.
        cool_down: Waits for the phone; see `Device.cool_down`.
        judge: Decides on the readings of one attempt.
    """
    attempts: list[Attempt[Measured]] = []
    while not attempts or must_repeat([attempt.throttling for attempt in attempts]):
        state = cool_down()
        with watch() as readings:
            measured, p50_ms = measure(readings)
        throttling = judge(readings) if readings else None
        attempts.append(Attempt(measured, p50_ms, list(readings), throttling, state))
    return attempts
