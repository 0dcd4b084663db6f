"""How often is timed: decisions on samples, and what follows from them on a device that obeys the test."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from android_runner import sampling
from android_runner.latency import Interval
from android_runner.sampling import (
    Effort,
    WarmUp,
    is_enough,
    is_sure,
    is_warm,
    measure,
    measure_in_turns,
    never_warms,
    next_batch,
    warm_up,
)


@pytest.mark.parametrize(
    ("last", "runs"),
    [([], 5), ([1.0, 1.0, 1.0], 50), ([100.0], 5), ([0.01], 200), ([0.0], 200), ([1.0, 2.0, 90.0], 25)],
)
def test_a_batch_takes_some_50_ms(last: list[float], runs: int) -> None:
    assert next_batch(last) == runs


@pytest.mark.parametrize(
    ("batches", "warm"),
    [
        ([], False),
        ([[100.0] * 5], False),
        ([[100.0] * 5, [100.0] * 5], True),
        ([[100.0] * 5, [97.5] * 5], True),
        ([[100.0] * 5, [96.0] * 5], False),
        ([[96.0] * 5, [100.0] * 5], False),
        # Two batches alike, but so short that the clock has not risen.
        ([[1.0] * 50, [1.0] * 50], False),
        ([[2.0] * 50, [1.0] * 50, [1.0] * 50, [1.0] * 50], True),
        # One interruption is no instability.
        ([[100.0] * 5, [100.0, 100.0, 900.0, 100.0, 100.0]], True),
    ],
)
def test_it_is_warm_once_batches_take_the_same_time(batches: list[list[float]], warm: bool) -> None:
    assert is_warm(batches) is warm


def test_what_never_becomes_stable_is_given_up() -> None:
    assert not never_warms([[100.0] * 99])
    assert never_warms([[100.0] * 100])


NARROW, WIDE = Interval(9.95, 10.05), Interval(9.0, 11.0)


@pytest.mark.parametrize(
    ("runs", "spent_ms", "interval", "effort", "enough"),
    [
        (29, 1.0, NARROW, Effort(), False),
        (30, 1.0, WIDE, Effort(), True),
        (30, 1.0, None, Effort(), True),
        (30, 1.0, NARROW, Effort(confidence=0.01), True),
        (30, 1.0, WIDE, Effort(confidence=0.01), False),
        (30, 1.0, None, Effort(confidence=0.01), False),
        (29, 1.0, NARROW, Effort(confidence=0.01), False),
        (99, 1.0, NARROW, Effort(runs=100, confidence=0.01), False),
        (2000, 1.0, WIDE, Effort(confidence=0.01), True),
        (2000, 1.0, WIDE, Effort(runs=5000, confidence=0.01), False),
        (30, 60_000.0, WIDE, Effort(confidence=0.01), True),
        # The fewest runs are made, however long they take.
        (29, 90_000.0, WIDE, Effort(confidence=0.01), False),
    ],
)
def test_there_is_enough(
    runs: int, spent_ms: float, interval: Interval | None, effort: Effort, enough: bool
) -> None:
    assert is_enough(runs, spent_ms, interval, effort) is enough


def test_sure_is_what_was_asked_for() -> None:
    assert is_sure(WIDE, Effort()) and is_sure(None, Effort())
    assert is_sure(NARROW, Effort(confidence=0.0051)) and not is_sure(NARROW, Effort(confidence=0.004))
    assert not is_sure(None, Effort(confidence=0.5))


def timer(times: Iterator[float], log: list[int]) -> Callable[[int], list[float]]:
    def time_runs(runs: int) -> list[float]:
        log.append(runs)
        return [next(times) for _ in range(runs)]

    return time_runs


def falling(start: float, end: float, step: float) -> Iterator[float]:
    value = start
    while True:
        yield value
        value = max(end, value - step)


def test_warm_up_goes_on_while_it_becomes_faster() -> None:
    log: list[int] = []
    warmed = warm_up(timer(falling(50, 20, 0.5), log), Effort())
    assert warmed == WarmUp(sum(log), stable=True) and warmed.runs >= 60


def test_warm_up_ends_where_it_never_becomes_stable() -> None:
    log: list[int] = []
    swinging = (value for _ in iter(int, 1) for value in [300.0] * 5 + [500.0] * 5)
    assert warm_up(timer(swinging, log), Effort()) == WarmUp(30, stable=False)


def test_emulated_times_are_warmed_up_once() -> None:
    log: list[int] = []
    assert warm_up(timer(falling(9, 1, 1), log), Effort(runs=5, warm_up=False)) == WarmUp(5, stable=False)
    assert log == [5]


def test_without_a_confidence_all_runs_are_one_batch() -> None:
    log: list[int] = []
    assert len(measure(timer(falling(9, 1, 1), log), Effort(runs=7))) == 7
    assert log == [7]


def test_a_steady_time_is_sure_at_once_and_an_unsteady_one_later() -> None:
    log: list[int] = []
    assert len(measure(timer(falling(9, 9, 0), log), Effort(confidence=0.01))) == 30
    swinging = (value for _ in iter(int, 1) for value in (8.0, 9.0, 12.0, 11.0))
    samples = measure(timer(swinging, log), Effort(confidence=0.01))
    assert 30 < len(samples) < sampling.MAX_RUNS


def test_two_are_timed_in_turns_that_change() -> None:
    order: list[str] = []

    def timed(name: str, ms: float) -> Callable[[int], list[float]]:
        def time_runs(runs: int) -> list[float]:
            order.append(name)
            return [ms] * runs

        return time_runs

    a_rounds, b_rounds = measure_in_turns(timed("a", 10), timed("b", 8), Effort(runs=12))
    assert "".join(order) == "abba" * 2
    assert a_rounds == [[10.0] * 3] * 4 and b_rounds == [[8.0] * 3] * 4


def test_two_are_timed_until_their_ratio_is_sure() -> None:
    log: list[int] = []
    rng = np.random.default_rng(0)
    noisy = (float(rng.normal(10, 1)) for _ in iter(int, 1))
    rounds = measure_in_turns(timer(noisy, log), timer(falling(10, 10, 0), log), Effort(confidence=0.01))
    assert 10 < len(rounds[0]) == len(rounds[1])
