"""What a phone is made of, parsed from its answers: clusters of cores, instruction sets, battery, space."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from android_runner.phone_cores import READ_CORES, PhoneCore, Role, core_roles, parse_cores
from android_runner.probe import core_features, parse_properties
from android_runner.target_choice import TargetChoice, choose_target, shown_features
from android_runner.thermometers import READ_THERMOMETERS, battery_celsius, cpu_celsius
from android_runner.transport import Transport

_TIMEOUT_S = 15.0

# Where files go that are brought to the phone.
_FOLDER = "/data/local/tmp"

_ASK = f"""
dumpsys battery | sed -n 's/^ *level: */level /p; s/^ *status: */status /p'
df -k {_FOLDER} | sed 's/^/space /'
"""

# BatteryManager's BATTERY_STATUS_CHARGING and BATTERY_STATUS_FULL.
_PLUGGED = ("2", "5")

# Phones before Android 12 have no ro.soc.model; what else names the chip depends on who made it.
_SOC = (
    "ro.soc.model",
    "ro.mediatek.platform",
    "ro.chipname",
    "ro.hardware.chipname",
    "ro.board.platform",
    "ro.product.board",
)


@dataclass(frozen=True)
class Cluster:
    """Cores of one kind that share a clock.

    Attributes:
        cores: Their numbers.
        name: What they are.
        role: Which `--cores` they are.
        min_khz: Their lowest clock; None: not told.
        max_khz: Their highest clock; None: not told.
        limit_khz: The highest clock that they are allowed at the moment; None: not told.
        capacity: What the kernel's scheduler thinks that one can do, 1024 for the fastest; None: not told.
        governor: What sets their clock; None: not told.
    """

    cores: tuple[int, ...]
    name: str
    role: Role
    min_khz: int | None
    max_khz: int | None
    limit_khz: int | None
    capacity: int | None
    governor: str | None


@dataclass(frozen=True)
class Hardware:
    """What a phone is made of, and what to compile for it.

    Attributes:
        soc: The chip's name, or the board's; empty: not told.
        abi: What programs it runs, such as ``arm64-v8a``; empty: not told.
        clusters: Its cores, in the order of their numbers.
        features: The instruction sets that kernels are written for and that all its cores have.
        cpu_celsius: The hottest zone of the processor; None: not told.
        battery_celsius: The battery's temperature; None: not told.
        battery_percent: What the battery holds; None: not told.
        charging: Whether it is charged or full on a cable; None: not told.
        free_bytes: The space for what is brought to it; None: not told.
        target: What to compile for.
    """

    soc: str
    abi: str
    clusters: tuple[Cluster, ...]
    features: tuple[str, ...]
    cpu_celsius: float | None
    battery_celsius: float | None
    battery_percent: int | None
    charging: bool | None
    free_bytes: int | None
    target: TargetChoice


@dataclass(frozen=True)
class Answers:
    """What a phone answered, as it came.

    Attributes:
        properties: ``getprop``.
        cpuinfo: ``/proc/cpuinfo``.
        state: The answer to `READ_STATE`.
    """

    properties: str
    cpuinfo: str
    state: str


READ_STATE = f"({READ_CORES}{READ_THERMOMETERS}{_ASK}) 2>/dev/null"
"""One command, because each takes a round trip."""


def read_answers(transport: Transport) -> Answers:
    """Ask a phone what `parse_hardware` wants to know; raises TransportError where it cannot be reached."""
    said = [
        transport.shell(command, timeout_s=_TIMEOUT_S, check=False).stdout
        for command in ("getprop", "cat /proc/cpuinfo", READ_STATE)
    ]
    return Answers(*said)


def parse_hardware(answers: Answers) -> Hardware:
    """Return what a phone is made of, by its answers; what it does not tell is None or empty."""
    properties = parse_properties(answers.properties)
    cores = parse_cores(answers.cpuinfo, answers.state)
    features = core_features(answers.cpuinfo)
    status = re.search(r"^status (\d+)\s*$", answers.state, re.MULTILINE)
    level = re.search(r"^level (\d+)\s*$", answers.state, re.MULTILINE)
    return Hardware(
        soc=soc_name(properties),
        abi=properties.get("ro.product.cpu.abi", ""),
        clusters=clusters_of(cores),
        features=shown_features(features),
        cpu_celsius=cpu_celsius(answers.state),
        battery_celsius=battery_celsius(answers.state),
        battery_percent=int(level.group(1)) if level else None,
        charging=status.group(1) in _PLUGGED if status else None,
        free_bytes=_free_bytes(answers.state),
        target=choose_target(cores, features),
    )


def soc_name(properties: Mapping[str, str]) -> str:
    """Return the chip's name by what its maker's phones tell of it; empty where they tell nothing."""
    return next((properties[key] for key in _SOC if properties.get(key)), "")


def clusters_of(cores: Sequence[PhoneCore]) -> tuple[Cluster, ...]:
    """Return the cores grouped by kind and by shared clock, or by kind and speed where no sharing is told."""
    groups: dict[tuple[object, ...], list[PhoneCore]] = {}
    for core in cores:
        groups.setdefault((core.name, core.together, core.max_khz, core.capacity), []).append(core)
    roles = core_roles(cores)
    return tuple(
        Cluster(
            cores=tuple(core.number for core in group),
            name=group[0].name,
            role=roles[group[0].number],
            min_khz=group[0].min_khz or None,
            max_khz=group[0].max_khz or None,
            limit_khz=group[0].limit_khz or None,
            capacity=group[0].capacity or None,
            governor=group[0].governor or None,
        )
        for group in sorted(groups.values(), key=lambda group: group[0].number)
    )


def _free_bytes(state: str) -> int | None:
    # The fourth column of df's last line; a long device name may have a line of its own.
    lines = re.findall(r"^space (.*)$", state, re.MULTILINE)
    columns = lines[-1].split() if lines else []
    found = re.search(r"(\d+) +(\d+) +(\d+) +\d+%", " ".join(columns))
    return int(found.group(3)) * 1024 if found else None
