"""Percentiles, means, ratios, and intervals that hold what they are for."""

import numpy as np
import pytest

from android_runner.latency import Interval, Latency, Ratio, mean_interval


def test_percentiles_are_samples() -> None:
    latency = Latency.of([5.0, 1.0, 4.0, 2.0, 3.0])
    assert (latency.min, latency.p50, latency.p95, latency.mean) == (1.0, 3.0, 5.0, 3.0)
    assert latency.samples == (5.0, 1.0, 4.0, 2.0, 3.0)
    hundred = Latency.of([float(value) for value in range(1, 101)])
    assert (hundred.p50, hundred.p95) == (50.0, 95.0)
    one = Latency.of([2.0])
    assert (one.min, one.p50, one.p95, one.mean, one.mean_interval) == (2.0, 2.0, 2.0, 2.0, None)


def test_the_interval_is_the_same_for_the_same_samples() -> None:
    samples = list(np.random.default_rng(1).normal(10, 1, 50))
    interval = mean_interval(samples)
    assert interval == mean_interval(samples) and interval is not None
    assert interval.low < float(np.mean(samples)) < interval.high
    assert mean_interval([3.0, 3.0, 3.0]) == Interval(3.0, 3.0)
    assert mean_interval([3.0]) is None


def held(draw: str, count: int, times: int = 100) -> float:
    """How often the interval holds the true mean 10, of samples drawn in that way."""
    rng = np.random.default_rng(2)
    hits = 0
    for _ in range(times):
        noise = rng.standard_normal(count)
        if draw == "correlated":
            for i in range(1, count):
                noise[i] = 0.6 * noise[i - 1] + 0.8 * noise[i]
        interval = mean_interval(list(10 + (np.exp(noise) - np.exp(0.5) if draw == "skewed" else noise)))
        assert interval is not None
        hits += interval.low <= 10 <= interval.high
    return hits / times


@pytest.mark.parametrize(
    ("draw", "count", "at_least"), [("normal", 100, 0.88), ("skewed", 200, 0.84), ("correlated", 200, 0.82)]
)
def test_the_interval_holds_the_mean_about_as_often_as_it_says(
    draw: str, count: int, at_least: float
) -> None:
    # 0.95 for ever more samples; of few, and of samples that resemble each other, a bootstrap holds less.
    assert held(draw, count) >= at_least


def test_more_samples_are_surer() -> None:
    rng = np.random.default_rng(3)
    widths = []
    for count in (30, 300, 3000):
        interval = mean_interval(list(rng.normal(10, 1, count)))
        assert interval is not None
        widths.append(interval.half_width)
    assert widths[0] > 2 * widths[1] > 4 * widths[2]


def test_a_drift_of_both_leaves_the_ratio_alone() -> None:
    rng = np.random.default_rng(4)
    drift = np.linspace(1, 2, 10)
    a = [list(level * rng.normal(10, 0.1, 3)) for level in drift]
    b = [list(level * rng.normal(8, 0.1, 3)) for level in drift]
    ratio = Ratio.of(a, b)
    assert ratio.value == pytest.approx(0.8, rel=0.02) and ratio.rounds == 10
    assert ratio.interval is not None and ratio.interval.half_width < 0.01
    assert ratio.interval.low <= ratio.value <= ratio.interval.high
    assert ratio.shows_difference


def test_an_interruption_in_a_round_is_not_taken_for_the_bundle() -> None:
    a = [[10.0, 10.0, 10.0]] * 10
    b = [[10.0, 10.0, 90.0], *[[10.0, 10.0, 10.0]] * 9]
    assert Ratio.of(a, b).value == 1.0


def test_the_same_is_no_difference() -> None:
    rng = np.random.default_rng(5)
    rounds = [[list(rng.normal(10, 0.5, 3)) for _ in range(20)] for _ in range(2)]
    assert not Ratio.of(*rounds).shows_difference


def test_a_single_round_has_no_interval() -> None:
    ratio = Ratio.of([[1.0]], [[2.0]])
    assert (ratio.value, ratio.interval, ratio.rounds) == (pytest.approx(2.0), None, 1)
    assert not ratio.shows_difference
    with pytest.raises(ValueError, match="zip"):
        Ratio.of([[1.0]], [[1.0], [1.0]])
