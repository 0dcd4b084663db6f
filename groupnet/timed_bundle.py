"""A bundle that was verified on a device and is timed there, and what `bench --json` says of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from android_runner.latency import Interval
from android_runner.run_control import RunControl
from android_runner.sampling import RUNS, Effort, WarmUp, is_sure
from groupnet.bench_result import describe_latency
from groupnet.running import EMULATED, Running, describe_device

EMULATED_RUNS = 5
"""Emulated times are shown as what they are; a handful tells all there is to tell."""


@dataclass(frozen=True)
class How:
    """How to time.

    Attributes:
        threads: threads on the device.
        runs: timed runs, or the fewest with a confidence; None: as many as are usual.
        confidence: the share that the mean, or the ratio of two bundles, is to be known to; None: `runs` do.
        profile: time each kernel too.
        trace: where to write the profile as trace events; None: nowhere.
        control: which of a phone's cores, and their governor.
    """

    threads: int = 1
    runs: int | None = None
    confidence: float | None = None
    profile: bool = False
    trace: Path | None = None
    control: RunControl = field(default_factory=RunControl)

    def effort(self, *, emulated: bool) -> Effort:
        """How much to measure; emulated times are not worth much."""
        usual = EMULATED_RUNS if emulated else RUNS
        return Effort(self.runs or usual, self.confidence, warm_up=not emulated)


def describe_effort(effort: Effort) -> str:
    """What is being done, in a few words."""
    if effort.confidence is None:
        return f"{effort.runs} runs"
    return f"at least {effort.runs} runs, until sure to {effort.confidence:.2%},"


@dataclass(frozen=True)
class TimedBundle:
    """A verified bundle that is timed on a device."""

    running: Running
    verified: dict[str, Any]
    inputs: tuple[npt.NDArray[np.generic], ...]
    threads: int

    @classmethod
    def verify(cls, running: Running, threads: int, say: Callable[[str], None]) -> "TimedBundle":
        """Verify a bundle first: what computes other numbers is not timed."""
        return cls(running, verify(running, say), running.bundle.reference().inputs, threads)

    def run(self, runs: int) -> list[float]:
        """Time so many runs; ms each."""
        return self.running.module.time("main", self.inputs, runs=runs, warmup=0, threads=self.threads)

    def describe(self, warmed: WarmUp, samples: Sequence[float]) -> dict[str, Any]:
        """What `bench --json` prints of one bundle."""
        bundle, device = self.running.bundle, self.running.device
        return {
            "bundle": str(bundle.path),
            "name": bundle.manifest.name,
            "target": bundle.manifest.target.text,
            "runtime": "rpc",
            "device": describe_device(device),
            "verified": self.verified,
            "threads": self.threads,
            "warmup": warmed.runs,
            "warmup_stable": warmed.stable,
            "latency_ms": describe_latency(samples),
            "note": EMULATED if device.emulated else None,
        }


def describe_confidence(interval: Interval | None, effort: Effort) -> dict[str, Any]:
    """What was asked for, and whether it was reached."""
    reached = None if effort.confidence is None else is_sure(interval, effort)
    return {"confidence": effort.confidence, "confidence_reached": reached}


def verify(running: Running, say: Callable[[str], None]) -> dict[str, Any]:
    """Compare the loaded bundle with PyTorch; what is returned is `verified` of `bench --json`."""
    say(f"verifying {running.bundle.manifest.name} on {running.device.name}")
    report = running.verify()
    return {
        "binary_convs": report.binary_convs,
        "integers": report.integers,
        "exact": report.exact,
        "max_abs_err": report.max_abs_err,
        "max_abs_err_same_signs": report.forced_max_abs_err,
        "sign_flips": report.sign_flips,
        "signs": report.signs,
    }
