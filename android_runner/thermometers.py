"""What a phone's thermometers say: the battery's, and those of the processor."""

from __future__ import annotations

import re

READ_THERMOMETERS = """
echo battery $(dumpsys battery | sed -n 's/^ *temperature: *//p')
for zone in /sys/class/thermal/thermal_zone*; do echo zone $(cat $zone/type) $(cat $zone/temp); done
"""
"""What a phone is asked; what it does not show, it leaves out."""

_PLAUSIBLE_CELSIUS = (-30.0, 150.0)

# Samsung's and Google's chips name a zone for each cluster, the others have "cpu" in its name.
_CPU_ZONE = re.compile(r"^zone (\S*cpu\S*|BIG|MID|LITTLE|LIT) (-?\d+)\s*$", re.MULTILINE | re.IGNORECASE)


def battery_celsius(said: str) -> float | None:
    """Return the battery's temperature out of the answer to `READ_THERMOMETERS`; None: not told."""
    found = re.search(r"^battery (-?\d+)\s*$", said, re.MULTILINE)
    return _plausible(int(found.group(1)) / 10) if found else None


def cpu_celsius(said: str) -> float | None:
    """Return the temperature of the processor's hottest zone out of the same answer; None: not told."""
    # Most kernels give thousandths of a degree, a few whole degrees.
    told = [int(value) / (1000 if abs(int(value)) >= 1000 else 1) for _, value in _CPU_ZONE.findall(said)]
    return max((celsius for value in told if (celsius := _plausible(value)) is not None), default=None)


def _plausible(celsius: float) -> float | None:
    low, high = _PLAUSIBLE_CELSIUS
    return celsius if low <= celsius <= high else None
