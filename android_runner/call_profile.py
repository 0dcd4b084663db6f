"""What a profiled function did: its calls, the time of each, its memory, and what the cores could do."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from android_runner.errors import ServerError

PROFILE_CALLS = "groupnet.profile_calls"
"""The function of `device_server/call_profile.cc`, on a phone and on the host."""

_NS_PER_MS = 1e6


@dataclass(frozen=True)
class Call:
    """One call of the virtual machine: what is called, and the bytes of all tensors that it is given."""

    name: str
    tensor_bytes: int


@dataclass(frozen=True)
class ProfiledRun:
    """One run, in ms of the device's clock.

    Attributes:
        starts_ms: When each call began, the run's own start being 0.
        calls_ms: What each call took.
        whole_ms: What the run took, with what is between calls and behind the last one.
    """

    starts_ms: tuple[float, ...]
    calls_ms: tuple[float, ...]
    whole_ms: float


@dataclass(frozen=True)
class CallProfile:
    """Several runs of one function, timed call by call.

    Attributes:
        calls: In their order; every run makes the same.
        runs: At least one.
        start_ms: What starting a virtual machine took: its constants are brought to where they are used.
    """

    calls: tuple[Call, ...]
    runs: tuple[ProfiledRun, ...]
    start_ms: float


@dataclass(frozen=True)
class Footprint:
    """What a module takes before anything is timed, in a process that has loaded it and run it once.

    Attributes:
        load_ms: Reading the file and making its code executable.
        before_bytes: Resident memory of the process before that, or None where the kernel does not tell.
        peak_bytes: The most that was resident since (VmHWM); None likewise.
    """

    load_ms: float
    before_bytes: int | None
    peak_bytes: int | None


@dataclass(frozen=True)
class CoreCeilings:
    """What the threads of a device multiply at most, all together, by loops on registers.

    Attributes:
        binary_macs_s: Binary multiply-accumulates a second.
        float_macs_s: Those of float32.
        binary_by: The instruction that adds the counts of bits: `udot` or `uadalp`, whichever is faster.
    """

    binary_macs_s: float
    float_macs_s: float
    binary_by: str


def parse_profile(said: str) -> CallProfile:
    """Return what `profile_calls` says; its format is in `call_profile.h`.

    Raises:
        ServerError: It is something else.
    """
    try:
        told = json.loads(said)
        calls = tuple(Call(str(call["name"]), int(call["bytes"])) for call in told["calls"])
        runs = tuple(_run([int(span) for span in spans]) for spans in told["runs"])
        start_ms = int(told["start_ns"]) / _NS_PER_MS
    except (ValueError, KeyError, TypeError) as exc:
        raise ServerError(f"Expected a profile; got something else ({exc!r}); run `groupnet doctor`") from exc
    if not runs or any(len(run.calls_ms) != len(calls) for run in runs):
        raise ServerError(
            f"Expected a profile with {len(calls)} times in every run; got other numbers; profile again"
        )
    return CallProfile(calls, runs, start_ms)


def parse_footprint(said: str) -> Footprint:
    """Return what `groupnet.footprint` of the device server says.

    Raises:
        ServerError: It is something else.
    """
    try:
        told = json.loads(said)
        load_ns, before, peak = (int(told[key]) for key in ("load_ns", "before_bytes", "peak_bytes"))
    except (ValueError, KeyError, TypeError) as exc:
        raise ServerError(
            f"Expected what a module takes; got something else ({exc!r}); run `groupnet doctor`"
        ) from exc
    return Footprint(load_ns / _NS_PER_MS, before or None, peak or None)


def parse_ceilings(said: str) -> CoreCeilings:
    """Return what `groupnet.ceilings` of the device server says; its format is in `ceilings.h`.

    Raises:
        ServerError: It is something else.
    """
    try:
        told = json.loads(said)
        ceilings = CoreCeilings(
            float(told["binary_macs_s"]), float(told["float_macs_s"]), str(told["binary_by"])
        )
    except (ValueError, KeyError, TypeError) as exc:
        raise ServerError(
            f"Expected what a core multiplies; got something else ({exc!r}); run `groupnet doctor`"
        ) from exc
    if not (0 < ceilings.binary_macs_s < math.inf and 0 < ceilings.float_macs_s < math.inf):
        raise ServerError(f"Expected rates above 0; got {said}; profile again")
    return ceilings


def _run(spans_ns: list[int]) -> ProfiledRun:
    # A gap before each call, then the call; the rest of the run at last.
    if len(spans_ns) % 2 == 0 or min(spans_ns) < 0:
        raise ValueError("a run that is no list of gaps and calls")
    starts, at_ns = [], 0
    for gap_ns, call_ns in zip(spans_ns[::2], spans_ns[1::2], strict=False):
        starts.append((at_ns + gap_ns) / _NS_PER_MS)
        at_ns += gap_ns + call_ns
    calls_ms = tuple(span / _NS_PER_MS for span in spans_ns[1::2])
    return ProfiledRun(tuple(starts), calls_ms, sum(spans_ns) / _NS_PER_MS)
