"""What a phone says of itself while it measures: temperatures, governor, and the cores it was left."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from android_runner.phone_cores import parse_numbers
from android_runner.thermometers import READ_THERMOMETERS, battery_celsius, cpu_celsius

if TYPE_CHECKING:
    from android_runner.server import RunningServer
    from android_runner.transport import Transport

_TIMEOUT_S = 15.0

# One command, because each takes a round trip. What a phone does not show, it leaves out.
_ASK = """
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
    command = f"({READ_THERMOMETERS}{_ASK.format(core=core, pid=server.pid)}) 2>/dev/null"
    return parse_state(transport.shell(command, timeout_s=_TIMEOUT_S, check=False).stdout, phone, soc)


def read_temperatures(transport: Transport) -> DeviceState:
    """Ask a phone for its temperatures alone; raises TransportError where it cannot be reached."""
    command = f"({READ_THERMOMETERS}) 2>/dev/null"
    return parse_state(transport.shell(command, timeout_s=_TIMEOUT_S, check=False).stdout, "", "")


def describe_temperatures(state: DeviceState) -> str:
    """The temperatures that a phone tells, in words."""
    told = {"battery": state.battery_celsius, "processor": state.cpu_celsius}
    return ", ".join(f"{name} {celsius:.0f} °C" for name, celsius in told.items() if celsius is not None)


def parse_state(said: str, phone: str, soc: str) -> DeviceState:
    """Return the state that the answer to `read_state`'s command says."""
    return DeviceState(
        phone=phone,
        soc=soc,
        cores=tuple(sorted(parse_numbers(_first(r"^cores (\S+)\s*$", said)))),
        governor=_first(r"^governor (\S+)\s*$", said) or None,
        battery_celsius=battery_celsius(said),
        cpu_celsius=cpu_celsius(said),
    )


def _first(pattern: str, text: str) -> str:
    found = re.search(pattern, text, re.MULTILINE)
    return found.group(1) if found else ""
