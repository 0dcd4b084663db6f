"""What a phone says of itself while it measures: temperatures, governor, and the cores it was left."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from android_runner.phone_cores import parse_numbers

if TYPE_CHECKING:
    from android_runner.server import RunningServer
    from android_runner.transport import Transport

_TIMEOUT_S = 15.0
_PLAUSIBLE_CELSIUS = (-30.0, 150.0)

# One command, because each takes a round trip. What a phone does not show, it leaves out.
_ASK = """
echo battery $(dumpsys battery | sed -n 's/^ *temperature: *//p')
for zone in /sys/class/thermal/thermal_zone*; do echo zone $(cat $zone/type) $(cat $zone/temp); done
echo governor $(cat /sys/devices/system/cpu/cpu{core}/cpufreq/scaling_governor)
echo cores $(sed -n 's/^Cpus_allowed_list:[^0-9]*//p' /proc/{pid}/status)
"""


class DeviceState(BaseModel):
    """A phone at the moment of a measurement.

    Attributes:
        phone: a few digits that tell it from others; its serial is not recorded.
        soc: the chip's name, or the board's where the chip has none.
        cores: numbers of the cores that the server may use, as read back.
        governor: of the first of them.
        battery_celsius, cpu_celsius: the battery's, and the hottest of the processor's zones.
        cooled_s: seconds that were waited before, for the phone to cool down.
        hot: it was measured although it had not cooled down.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    phone: str = ""
    soc: str = ""
    cores: tuple[int, ...] = ()
    governor: str | None = None
    battery_celsius: float | None = None
    cpu_celsius: float | None = None
    cooled_s: float = 0.0
    hot: bool = False


def read_state(transport: Transport, server: RunningServer, core: int, phone: str, soc: str) -> DeviceState:
    """Ask a phone for its state; raises TransportError where it cannot be reached."""
    command = f"({_ASK.format(core=core, pid=server.pid)}) 2>/dev/null"
    return parse_state(transport.shell(command, timeout_s=_TIMEOUT_S, check=False).stdout, phone, soc)


def parse_state(said: str, phone: str, soc: str) -> DeviceState:
    """Return the state that the answer to `read_state`'s command says."""
    battery = _celsius(_first(r"^battery (-?\d+)\s*$", said), 10)
    zones = re.findall(r"^zone (\S*cpu\S*) (-?\d+)\s*$", said, re.MULTILINE | re.IGNORECASE)
    # Most kernels give thousandths of a degree, a few whole degrees.
    told = [_celsius(value, 1000 if abs(int(value)) >= 1000 else 1) for _, value in zones]
    return DeviceState(
        phone=phone,
        soc=soc,
        cores=tuple(sorted(parse_numbers(_first(r"^cores (\S+)\s*$", said)))),
        governor=_first(r"^governor (\S+)\s*$", said) or None,
        battery_celsius=battery,
        cpu_celsius=max((one for one in told if one is not None), default=None),
    )


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1) if found else ""


def _celsius(text: str, parts: int) -> float | None:
    if not text:
        return None
    celsius = int(text) / parts
    low, high = _PLAUSIBLE_CELSIUS
    return celsius if low <= celsius <= high else None
