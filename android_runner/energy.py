"""What a run costs of a phone's battery, estimated by its fuel gauge."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

READ_POWER = """
for supply in /sys/class/power_supply/*; do
  echo "supply $(cat $supply/type) now=$(cat $supply/current_now) volts=$(cat $supply/voltage_now)" \\
    "status=$(cat $supply/status)"
done
"""
"""What a phone is asked for what its battery gives; what it does not show stays empty."""

FEWEST_READINGS = 4
"""Of a busy phone; gauges answer with means of their own, some over a second."""

_SUPPLY = re.compile(r"^supply Battery now=(-?\d+) volts=(\d+) status=Discharging\s*$", re.MULTILINE)

# The kernel's documentation asks for millionths of amperes and volts; some makers give thousandths. No phone
# draws 10 A, and none that is being measured as little as 10 mA; no battery has 100 V.
_LEAST_MICROAMPERES = 10_000
_LEAST_MICROVOLTS = 100_000


@dataclass(frozen=True)
class Energy:
    """An estimate: of the whole phone, screen and radio included.

    Attributes:
        watts: What it drew while it was timed; the mean.
        rest_watts: What it drew just before.
        millijoules: `watts` over one run.
        readings: How many readings of the busy phone that is by.
    """

    watts: float
    rest_watts: float
    millijoules: float
    readings: int


def battery_watts(said: str) -> float | None:
    """Return what the battery gives by the answer to `READ_POWER`.

    None where there is no gauge, and on a cable, which then gives what the battery does not.
    """
    found = _SUPPLY.search(said)
    if found is None:
        return None
    # Whether a current out of the battery is negative differs from maker to maker.
    current, voltage = abs(int(found.group(1))), int(found.group(2))
    amperes = current / (1e6 if current >= _LEAST_MICROAMPERES else 1e3)
    volts = voltage / (1e6 if voltage >= _LEAST_MICROVOLTS else 1e3)
    return amperes * volts or None


def estimate_energy(watts: Sequence[float | None], run_ms: float) -> Energy | None:
    """Estimate what a run costs.

    Args:
        watts: Readings at even distances, the first one of the phone at rest, the others while it was timed.
        run_ms: The mean time of a run.

    Returns:
        None where there are too few readings, or one of them says nothing.
    """
    told = [value for value in watts if value is not None]
    if len(told) < len(watts) or len(told) <= FEWEST_READINGS:
        return None
    busy = statistics.fmean(told[1:])
    return Energy(busy, told[0], busy * run_ms, len(told) - 1)
