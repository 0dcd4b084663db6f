"""How often to time: warm-up until it is stable, then so many runs or until the mean is sure enough.

The decisions are functions of the samples alone; what is timed is passed in.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from android_runner.latency import Interval, Ratio, mean_interval

RUNS = 30
"""Timed runs unless the caller says otherwise; a confidence is not believed of fewer."""
MAX_RUNS = 2000
"""Timed runs after which a confidence that is not reached is given up."""
MAX_MEASURED_MS = 60_000.0
"""The same as a time on the device."""

# Clocks take a tenth of a second or two to rise; a model of a millisecond would be done by then.
_WARM_MS = 200.0
_MAX_WARMUP_MS = 10_000.0
_STABLE = 0.03
_SMALLEST_BATCH = 5
_LARGEST_BATCH = 200
_BATCH_MS = 50.0

# Few runs to a turn, so that what drifts falls on both alike; the median of three is one of them.
_TURN = 3

Samples = list[float]
TimeRuns = Callable[[int], Samples]
"""Times so many runs on the device; ms each."""


@dataclass(frozen=True)
class Effort:
    """How much to measure.

    Attributes:
        runs: Timed runs, or the fewest where a confidence is asked for.
        confidence: Half the width of the interval as a share of the mean (or of the ratio) at which to stop;
            None: after `runs`.
        warm_up: Until it is stable; False for one batch only, where times are no latencies anyway.
    """

    runs: int = RUNS
    confidence: float | None = None
    warm_up: bool = True


@dataclass(frozen=True)
class WarmUp:
    """What was run before anything counted.

    Attributes:
        runs: How often.
        stable: Whether the last two batches took the same time; False where that was given up, or not asked.
    """

    runs: int
    stable: bool


def next_batch(last: Sequence[float]) -> int:
    """Return how many runs take some 50 ms, by those of the last batch."""
    if not last:
        return _SMALLEST_BATCH
    return min(_LARGEST_BATCH, max(_SMALLEST_BATCH, round(_BATCH_MS / max(statistics.median(last), 1e-6))))


def is_warm(batches: Sequence[Sequence[float]]) -> bool:
    """Whether it ran for long enough, and the last two batches' medians differ by 3 % at most."""
    if len(batches) < 2 or _total(batches) < _WARM_MS:
        return False
    before, last = (statistics.median(batch) for batch in batches[-2:])
    return abs(before - last) <= _STABLE * last


def never_warms(batches: Sequence[Sequence[float]]) -> bool:
    """Whether to stop waiting for it to become stable."""
    return _total(batches) >= _MAX_WARMUP_MS


def is_enough(runs: int, spent_ms: float, interval: Interval | None, effort: Effort) -> bool:
    """Whether to stop measuring.

    Args:
        runs: How many there are.
        spent_ms: What they took on the device.
        interval: Of the mean or of the ratio; None where it cannot be told yet.
        effort: What was asked for.
    """
    if runs < effort.runs:
        return False
    if effort.confidence is None or runs >= max(MAX_RUNS, effort.runs) or spent_ms >= MAX_MEASURED_MS:
        return True
    return is_sure(interval, effort)


def is_sure(interval: Interval | None, effort: Effort) -> bool:
    """Whether the interval is as narrow as was asked for."""
    return effort.confidence is None or (interval is not None and interval.half_width <= effort.confidence)


def warm_up(time_runs: TimeRuns, effort: Effort) -> WarmUp:
    """Run until it is stable, or until that takes too long."""
    batches = [time_runs(next_batch([]))]
    while effort.warm_up and not is_warm(batches) and not never_warms(batches):
        batches.append(time_runs(next_batch(batches[-1])))
    return WarmUp(sum(map(len, batches)), is_warm(batches))


def measure(time_runs: TimeRuns, effort: Effort) -> Samples:
    """Time runs until there are enough."""
    samples = time_runs(effort.runs)
    while not is_enough(len(samples), sum(samples), mean_interval(samples), effort):
        # A tenth more at least, so that looking whether there are enough takes no longer than measuring.
        samples += time_runs(max(next_batch(samples), len(samples) // 10))
    return samples


def measure_in_turns(a: TimeRuns, b: TimeRuns, effort: Effort) -> tuple[list[Samples], list[Samples]]:
    """Time two in turns until there are enough; return the rounds of each.

    The order changes from round to round (A B, B A), so that neither is always the one that comes later.
    """
    a_rounds: list[Samples] = []
    b_rounds: list[Samples] = []
    runs, spent_ms, interval, next_look = 0, 0.0, None, 0
    while not is_enough(runs, spent_ms, interval, effort):
        turns = [(a, a_rounds), (b, b_rounds)]
        for time_runs, rounds in turns if len(a_rounds) % 2 == 0 else reversed(turns):
            rounds.append(time_runs(_TURN))
        runs += _TURN
        spent_ms += sum(a_rounds[-1]) + sum(b_rounds[-1])
        if effort.confidence is not None and runs >= max(effort.runs, next_look):
            interval = Ratio.of(a_rounds, b_rounds).interval
            next_look = runs + runs // 10
    return a_rounds, b_rounds


def _total(batches: Sequence[Sequence[float]]) -> float:
    return sum(sum(batch) for batch in batches)
