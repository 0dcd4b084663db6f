"""The cores of a phone: which there are, which are big or little, and what LLVM calls them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from android_runner.errors import CoresUnavailableError
from android_runner.probe import core_names, core_numbers
from android_runner.transport import Transport

CORE_FORMS = "big, little, or numbers such as 4-7 or 0,2"

_TIMEOUT_S = 15.0
_CPUS = "/sys/devices/system/cpu"
_FREQUENCIES = f'for c in {_CPUS}/cpu[0-9]*; do echo "${{c##*/cpu}} $(cat $c/cpufreq/cpuinfo_max_freq)"; done'

# Arm's cores under their licensee's names (Qualcomm's data sheets of the Snapdragon 835, 845 and 855).
_LICENSED = {
    "Kryo 2xx Gold": "cortex-a73",
    "Kryo 2xx Silver": "cortex-a53",
    "Kryo 3xx Gold": "cortex-a75",
    "Kryo 3xx Silver": "cortex-a55",
    "Kryo 4xx Gold": "cortex-a76",
    "Kryo 4xx Silver": "cortex-a55",
}


@dataclass(frozen=True)
class PhoneCore:
    """A core: its number, its name as `probe.core_names` gives it, its highest clock (0: not told)."""

    number: int
    name: str
    max_khz: int


def read_cores(transport: Transport) -> list[PhoneCore]:
    """Ask a phone for its cores; raises TransportError where it cannot be reached."""
    cpuinfo = transport.shell("cat /proc/cpuinfo", timeout_s=_TIMEOUT_S, check=False).stdout
    clocks = transport.shell(f"({_FREQUENCIES}) 2>/dev/null", timeout_s=_TIMEOUT_S, check=False).stdout
    told = dict(re.findall(r"^(\d+) (\d+)\s*$", clocks, re.MULTILINE))
    return parse_cores(cpuinfo, {int(core): int(khz) for core, khz in told.items()})


def parse_cores(cpuinfo: str, max_khz: Mapping[int, int]) -> list[PhoneCore]:
    """Return the cores of an arm64 /proc/cpuinfo with the clocks that are known of them."""
    listed = zip(core_numbers(cpuinfo), core_names(cpuinfo), strict=True)
    return [PhoneCore(number, name, max_khz.get(number, 0)) for number, name in listed]


def choose_cores(cores: Sequence[PhoneCore], text: str) -> list[PhoneCore]:
    """Return the cores that a text means: all of the kind with the highest clock, the lowest, or a list.

    Args:
        cores: What the phone has.
        text: ``big``, ``little``, or numbers and ranges such as ``4-7`` or ``0,2``.

    Raises:
        CoresUnavailableError: There are no such cores, or they are of more than one kind: tuning is for one.
    """
    if not cores:
        raise CoresUnavailableError("Expected a phone that lists its cores; it lists none; try another")
    if text in ("big", "little"):
        pick = max if text == "big" else min
        kind = pick(cores, key=lambda core: core.max_khz).name
        return [core for core in cores if core.name == kind]
    wanted = parse_numbers(text)
    chosen = [core for core in cores if core.number in wanted]
    if not wanted or len(chosen) < len(wanted):
        has = ", ".join(str(core.number) for core in cores)
        raise CoresUnavailableError(
            f"Expected {CORE_FORMS} out of the cores {has}; got '{text}'; choose others"
        )
    if len(kinds := sorted({core.name for core in chosen})) > 1:
        raise CoresUnavailableError(
            f"Expected cores of one kind; got {' and '.join(kinds)} by '{text}'; tune each kind by itself"
        )
    return chosen


def parse_numbers(text: str) -> set[int]:
    """Return the numbers of a list such as ``0,4-7``; none where it is no such list."""
    if not re.fullmatch(r"\d+(-\d+)?(,\d+(-\d+)?)*", text):
        return set()
    bounds = [part.partition("-") for part in text.split(",")]
    return {n for first, _, last in bounds for n in range(int(first), int(last or first) + 1)}


def taskset_mask(numbers: Sequence[int]) -> str:
    """Return the hexadecimal mask by which `taskset` knows cores."""
    return f"{sum(1 << number for number in set(numbers)):x}"


def llvm_name(name: str) -> str | None:
    """Return LLVM's name of a core, ``cortex-a76``; None for a core that only its numbers are known of."""
    if name in _LICENSED:
        return _LICENSED[name]
    return None if "/" in name or " " in name else name.lower()
