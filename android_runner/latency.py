"""What samples of a latency say: extremes, percentiles, a mean and a ratio with their intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEVEL = 0.95
"""How often an interval of this file holds what it is for, over many measurements."""

_RESAMPLES = 2000
_SEED = 0


@dataclass(frozen=True)
class Interval:
    """Where a value lies by a bootstrap of `LEVEL`, seeded: the same for the same samples."""

    low: float
    high: float

    @property
    def half_width(self) -> float:
        """Half of what it spans, as a share of its middle."""
        return (self.high - self.low) / (self.high + self.low)


@dataclass(frozen=True)
class Latency:
    """Times of single calls in ms.

    The percentiles are samples themselves (the first one at or above the share), not interpolations.

    Attributes:
        min: The fastest call.
        p50: The median.
        p95: What 95 of 100 calls take at most.
        mean: The mean.
        mean_interval: Where the mean of many more calls lies; None for a single sample.
        samples: Every call, in order.
    """

    min: float
    p50: float
    p95: float
    mean: float
    mean_interval: Interval | None
    samples: tuple[float, ...]

    @classmethod
    def of(cls, samples: Sequence[float]) -> Latency:
        """Summarise at least one sample in ms."""
        p50, p95 = (float(np.percentile(samples, share, method="inverted_cdf")) for share in (50, 95))
        return cls(min(samples), p50, p95, float(np.mean(samples)), mean_interval(samples), tuple(samples))


@dataclass(frozen=True)
class Ratio:
    """How many times as long B takes as A, by rounds in which both were timed one after the other.

    Attributes:
        value: The median of the rounds' ratios; a round's is that of the medians of its samples. What slows
            both down in a round leaves its ratio alone, and what interrupts one of them leaves the median.
        interval: Where it lies by a bootstrap of blocks of rounds; None for a single round.
        rounds: How many rounds there were.
    """

    value: float
    interval: Interval | None
    rounds: int

    @classmethod
    def of(cls, a_rounds: Sequence[Sequence[float]], b_rounds: Sequence[Sequence[float]]) -> Ratio:
        """Compare samples in ms, by rounds; both have the same number of rounds, at least one."""
        pairs = zip(a_rounds, b_rounds, strict=True)
        ratios = np.array([np.median(b) / np.median(a) for a, b in pairs])
        return cls(float(np.median(ratios)), _interval(ratios, np.median), len(ratios))

    @property
    def shows_difference(self) -> bool:
        """Whether 1 is outside of the interval."""
        return self.interval is not None and not self.interval.low <= 1 <= self.interval.high


def mean_interval(samples: Sequence[float]) -> Interval | None:
    """Return where the mean lies, by a bootstrap of blocks; None for a single sample.

    Calls that follow each other resemble each other (the clock rises, the phone warms up): drawing them one
    by one would call the mean surer than it is. Blocks of `n ** (1/3)` samples keep what lies close together
    (Künsch, 1989; the circular form of Politis and Romano, 1992).
    """
    return _interval(np.asarray(samples), np.mean)


def _interval(
    values: npt.NDArray[np.float64], statistic: Callable[..., npt.NDArray[np.float64]]
) -> Interval | None:
    count = len(values)
    if count < 2:
        return None
    rng = np.random.default_rng(_SEED)
    block = round(count ** (1 / 3))
    blocks = -(-count // block)
    starts = rng.integers(0, count, (_RESAMPLES, blocks, 1))
    drawn = (starts + np.arange(block)).reshape(_RESAMPLES, -1)[:, :count] % count
    resampled = statistic(values[drawn], axis=1)
    low, high = np.percentile(resampled, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return Interval(float(low), float(high))
