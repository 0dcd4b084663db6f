"""Times as `bench --json` prints them, however they were taken."""

from collections.abc import Sequence
from typing import Any

from android_runner.latency import LEVEL, Interval, Latency


def describe_latency(samples: Sequence[float]) -> dict[str, Any]:
    """`latency_ms` of at least one sample in ms."""
    latency = Latency.of(samples)
    return {
        "min": latency.min,
        "p50": latency.p50,
        "p95": latency.p95,
        "mean": latency.mean,
        "mean_interval": describe_interval(latency.mean_interval),
        "samples": list(latency.samples),
    }


def describe_interval(interval: Interval | None) -> dict[str, float | None]:
    """Where a value lies; no ends where that cannot be told."""
    low, high = (None, None) if interval is None else (interval.low, interval.high)
    return {"low": low, "high": high, "level": LEVEL}
