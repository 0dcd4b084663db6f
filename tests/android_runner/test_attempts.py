"""When a throttled run is repeated, how often, and which attempt counts."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from android_runner.attempts import MAX_ATTEMPTS, Attempt, best_attempt, measure_cool, must_repeat
from android_runner.throttling import Reading, Throttling
from android_runner.tuning.device_state import DeviceState

FINE = Throttling(False, (), 9)
CAPPED = Throttling(True, ("core 7 was allowed 1.80 of 2.80 GHz from the start",), 9)
FELL = Throttling(True, ("core 7 fell from 2.80 to 2.00 GHz",), 9)
HOT = Throttling(True, ("the processor reached 95 °C",), 9)


@pytest.mark.parametrize(
    ("seen", "again"),
    [
        ([None], False),
        ([FINE], False),
        ([FELL], True),
        ([FELL, FINE], False),
        ([FELL, HOT], True),
        ([CAPPED, CAPPED], False),
        ([CAPPED, FELL], True),
        ([FELL, HOT, FELL], False),
    ],
)
def test_a_throttled_run_is_repeated_while_that_may_help(seen: list[Throttling | None], again: bool) -> None:
    assert must_repeat(seen) is again


def attempt(p50_ms: float, throttling: Throttling | None) -> Attempt[str]:
    return Attempt(f"{p50_ms} ms", p50_ms, [], throttling, None)


@pytest.mark.parametrize(
    ("attempts", "chosen"),
    [
        ([attempt(9.0, None)], 0),
        ([attempt(8.0, FELL), attempt(9.0, FINE)], 1),
        ([attempt(9.0, FELL), attempt(8.0, HOT), attempt(8.5, FELL)], 1),
    ],
)
def test_an_unthrottled_attempt_counts_else_the_fastest(attempts: list[Attempt[str]], chosen: int) -> None:
    assert best_attempt(attempts) is attempts[chosen]


@pytest.mark.parametrize(
    ("judged", "measured"),
    [([FINE], 1), ([FELL, FINE], 2), ([CAPPED, CAPPED], 2), ([FELL, HOT, FELL, HOT], MAX_ATTEMPTS)],
)
def test_each_attempt_follows_a_cool_down(judged: list[Throttling], measured: int) -> None:
    done: list[str] = []

    @contextmanager
    def watch() -> Iterator[list[Reading]]:
        done.append("watch")
        yield [Reading({}, 50.0)]

    def cool_down() -> DeviceState:
        done.append("cool")
        return DeviceState(cooled_s=5.0 * len(done))

    def measure(readings: list[Reading]) -> tuple[str, float]:
        assert readings
        done.append("measure")
        return "samples", 8.0

    verdicts = iter(judged)
    attempts = measure_cool(measure, watch, cool_down, lambda _: next(verdicts))
    assert done == ["cool", "watch", "measure"] * measured
    assert [one.throttling for one in attempts] == judged[:measured]
    assert attempts[0].state == DeviceState(cooled_s=5.0) and attempts[0].measured == "samples"


def test_a_device_that_is_not_watched_is_measured_once() -> None:
    @contextmanager
    def watch() -> Iterator[list[Reading]]:
        yield []

    (only,) = measure_cool(lambda _: ("samples", 8.0), watch, lambda: None, lambda _: FELL)
    assert only.throttling is only.state is None
