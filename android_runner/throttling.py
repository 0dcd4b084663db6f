"""Whether a phone slowed itself down while it was measured: a decision on clocks and temperatures.

Phones throttle in two ways: the kernel or a vendor's service lowers the highest allowed clock, which is read
directly; or the chip lowers the clock by itself, which shows as a clock that falls under load.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from android_runner.energy import READ_POWER, battery_watts
from android_runner.thermometers import READ_THERMOMETERS, cpu_celsius

READ_CLOCKS = """
for f in /sys/devices/system/cpu/cpu[0-9]*/cpufreq; do
  c=${f%/cpufreq}
  echo "clock ${c##*/cpu} $(cat $f/scaling_cur_freq) $(cat $f/scaling_max_freq) $(cat $f/cpuinfo_max_freq)"
done
"""
"""What a phone is asked for its clocks: now, the highest allowed, the highest there is."""

READ = f"({READ_CLOCKS}{READ_THERMOMETERS}{READ_POWER}) 2>/dev/null"
"""Everything that a `Reading` holds, in one command."""

# Moments of rest and rounding cost less than this; the smallest step of a phone's clocks is larger.
_LESS = 0.95
# Where most phones' chips begin to slow down whatever the kernel says.
_HOT_CELSIUS = 90.0
_FEWEST = 6


@dataclass(frozen=True)
class Clock:
    """A core's clock in kHz: now, the highest allowed now, and the highest there is."""

    now_khz: int
    limit_khz: int
    max_khz: int


@dataclass(frozen=True)
class Reading:
    """A phone at one moment of a measurement.

    Attributes:
        clocks: By the number of the core; those that a phone does not show are missing.
        cpu_celsius: The processor's hottest zone; None: not told.
        watts: What its battery gives; None: not told, or it is on a cable.
    """

    clocks: Mapping[int, Clock]
    cpu_celsius: float | None
    watts: float | None = None


@dataclass(frozen=True)
class Throttling:
    """What was seen.

    Attributes:
        throttled: The times are not the phone's best.
        reasons: Why, a phrase each; empty where it is not.
        readings: How many readings that is by.
    """

    throttled: bool
    reasons: tuple[str, ...]
    readings: int


def parse_reading(said: str) -> Reading:
    """Return what the answer to `READ` says."""
    clocks = {
        int(core): Clock(int(now), int(limit), int(highest))
        for core, now, limit, highest in re.findall(r"^clock (\d+) (\d+) (\d+) (\d+)\s*$", said, re.MULTILINE)
    }
    return Reading(clocks, cpu_celsius(said), battery_watts(said))


def judge(readings: Sequence[Reading], cores: Collection[int], threads: int | None = None) -> Throttling:
    """Decide whether a phone was throttled.

    Args:
        readings: Over the time of the measurement, the first one before it.
        cores: Numbers of the cores that were used; what others do does not matter.
        threads: How many of these cores were busy at a time, where threads may wander; None: all.
    """
    told = [_capped(readings, core) for core in sorted(cores)]
    if threads is None or threads >= len(cores):
        pairs = zip(sorted(cores), told, strict=True)
        told = [reason or _fell(readings, core) for core, reason in pairs]
    elif not any(told):
        # A core that a thread has left slows down by right: the busy ones are those with the highest clocks.
        told.append(_fallen(_highest(readings, cores, threads), "the busy cores"))
    reasons = [reason for reason in told if reason]
    hottest = max((one.cpu_celsius for one in readings if one.cpu_celsius is not None), default=0.0)
    if hottest >= _HOT_CELSIUS:
        reasons.append(f"the processor reached {hottest:.0f} °C")
    return Throttling(bool(reasons), tuple(reasons), len(readings))


def busy_cores(readings: Sequence[Reading], threads: int) -> list[int]:
    """Return the cores that TVM's runtime gives so many threads: the fastest, of equals the lower numbers."""
    clocks = readings[0].clocks if readings else {}
    return sorted(clocks, key=lambda core: (-clocks[core].max_khz, core))[:threads]


def _capped(readings: Sequence[Reading], core: int) -> str | None:
    seen = [one.clocks[core] for one in readings if core in one.clocks]
    if not seen:
        return None
    lowest = min(clock.limit_khz for clock in seen)
    if lowest >= _LESS * seen[0].max_khz:
        return None
    since = "from the start" if seen[0].limit_khz == lowest else "during the run"
    return f"core {core} was allowed {_ghz(lowest)} of {_ghz(seen[0].max_khz)} GHz {since}"


def _fell(readings: Sequence[Reading], core: int) -> str | None:
    # The first reading is of an idle phone. Of the rest, the first third against the last: a clock is read at
    # moments, and a moment of rest must not decide.
    clocks = [one.clocks[core].now_khz for one in readings[1:] if core in one.clocks]
    return _fallen(clocks, f"core {core}")


def _highest(readings: Sequence[Reading], cores: Collection[int], threads: int) -> list[int]:
    """Return the clock of the last of the busy cores at each reading but the first."""
    told = [[one.clocks[core].now_khz for core in cores if core in one.clocks] for one in readings[1:]]
    return [sorted(clocks, reverse=True)[threads - 1] for clocks in told if len(clocks) >= threads]


def _fallen(clocks: Sequence[int], what: str) -> str | None:
    if len(clocks) < _FEWEST:
        return None
    third = len(clocks) // 3
    before, after = statistics.median(clocks[:third]), statistics.median(clocks[-third:])
    if after >= _LESS * before:
        return None
    return f"{what} fell from {_ghz(before)} to {_ghz(after)} GHz"


def _ghz(khz: float) -> str:
    return f"{khz / 1e6:.2f}"
