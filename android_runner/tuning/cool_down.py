"""When a phone is too hot to measure on: a decision on numbers alone, and the wait that follows from it.

TVM's `RPCRunner` takes a `cooldown_sec` and ignores it. Here the phone's own thermometers decide. Two limits
for each keep a phone that is just warm from being waited for before every measurement.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from android_runner.tuning.device_state import DeviceState


@dataclass(frozen=True)
class Limits:
    """Degrees Celsius above which a phone is waited for, and those down to which.

    Phones throttle their processor from about 60 degrees on, and when the battery, which has their skin's
    temperature, is some 40 degrees hot.
    """

    battery_hot: float = 37.0
    battery_cool: float = 35.0
    cpu_hot: float = 60.0
    cpu_cool: float = 50.0
    patience_s: float = 300.0


LIMITS = Limits()
POLL_S = 5.0


def must_wait(
    battery_celsius: float | None, cpu_celsius: float | None, *, waiting: bool, limits: Limits = LIMITS
) -> bool:
    """Whether to wait (or to go on waiting); a thermometer that a phone does not show is not asked."""
    battery_limit = limits.battery_cool if waiting else limits.battery_hot
    cpu_limit = limits.cpu_cool if waiting else limits.cpu_hot
    return (battery_celsius is not None and battery_celsius > battery_limit) or (
        cpu_celsius is not None and cpu_celsius > cpu_limit
    )


def cool_down(
    read: Callable[[], DeviceState], limits: Limits = LIMITS, sleep: Callable[[float], None] = time.sleep
) -> DeviceState:
    """Wait until a phone is cool, or until patience ends; return its state, with what was waited.

    Raises:
        TransportError: it cannot be reached.
    """
    waited_s, waiting = 0.0, False
    while True:
        state = read()
        waiting = must_wait(state.battery_celsius, state.cpu_celsius, waiting=waiting, limits=limits)
        if not waiting or waited_s >= limits.patience_s:
            return state.model_copy(update={"cooled_s": waited_s, "hot": waiting})
        sleep(POLL_S)
        waited_s += POLL_S
