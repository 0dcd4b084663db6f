"""The cores of a phone: which there are, which are big or little, and what LLVM calls them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from android_runner.core_parts import core_part
from android_runner.errors import CoresUnavailableError
from android_runner.probe import core_names, core_numbers
from android_runner.transport import Transport

CORE_FORMS = "big, prime, little, or numbers such as 4-7 or 0,2"

Role = Literal["little", "big", "prime"]

_TIMEOUT_S = 15.0

READ_CORES = """
for c in /sys/devices/system/cpu/cpu[0-9]*; do
  f=$c/cpufreq
  echo "core ${c##*/cpu} max=$(cat $f/cpuinfo_max_freq) min=$(cat $f/cpuinfo_min_freq)" \\
    "limit=$(cat $f/scaling_max_freq) governor=$(cat $f/scaling_governor)" \\
    "capacity=$(cat $c/cpu_capacity) together=$(cat $f/related_cpus | tr ' ' ,)"
done
"""
"""What a phone is asked for its clocks; what it does not show stays empty."""


@dataclass(frozen=True)
class PhoneCore:
    """A core.

    Attributes:
        number: As the kernel counts it.
        name: As `probe.core_names` gives it.
        max_khz: Its highest clock; 0: not told.
        min_khz: Its lowest clock; 0: not told.
        limit_khz: The highest clock that it is allowed at the moment; 0: not told.
        capacity: What the kernel's scheduler thinks that it can do, 1024 for the fastest; 0: not told.
        governor: What sets its clock; empty: not told.
        together: Numbers of the cores that share its clock; empty: not told.
    """

    number: int
    name: str
    max_khz: int = 0
    min_khz: int = 0
    limit_khz: int = 0
    capacity: int = 0
    governor: str = ""
    together: tuple[int, ...] = ()


def read_cores(transport: Transport) -> list[PhoneCore]:
    """Ask a phone for its cores; raises TransportError where it cannot be reached."""
    cpuinfo = transport.shell("cat /proc/cpuinfo", timeout_s=_TIMEOUT_S, check=False).stdout
    told = transport.shell(f"({READ_CORES}) 2>/dev/null", timeout_s=_TIMEOUT_S, check=False).stdout
    return parse_cores(cpuinfo, told)


def parse_cores(cpuinfo: str, told: str) -> list[PhoneCore]:
    """Return the cores of an arm64 /proc/cpuinfo with what the answer to `READ_CORES` tells of them."""
    by_number: Mapping[int, dict[str, str]] = {
        int(number): dict(re.findall(r"(\w+)=(\S+)", rest))
        for number, rest in re.findall(r"^core (\d+) (.*)$", told, re.MULTILINE)
    }
    listed = zip(core_numbers(cpuinfo), core_names(cpuinfo), strict=True)
    return [_core(number, name, by_number.get(number, {})) for number, name in listed]


def _core(number: int, name: str, told: Mapping[str, str]) -> PhoneCore:
    def whole(key: str) -> int:
        text = told.get(key, "")
        return int(text) if text.isdecimal() else 0

    return PhoneCore(
        number,
        name,
        max_khz=whole("max"),
        min_khz=whole("min"),
        limit_khz=whole("limit"),
        capacity=whole("capacity"),
        governor=told.get("governor", ""),
        together=tuple(sorted(parse_numbers(told.get("together", "").strip(",")))),
    )


def core_roles(cores: Sequence[PhoneCore]) -> dict[int, Role]:
    """Return which cores are little, big and prime, by their numbers.

    Little ones are those that execute in order, or the slowest of a phone without any, or with nothing else.
    Of the others the fastest are prime and the rest big; where they are all alike, they are big. A phone
    whose cores are all alike has big ones only.
    """
    if len({_speed(cores, core) for core in cores}) <= 1:
        return {core.number: "big" for core in cores}
    little = {core.number for core in cores if core_part(core.name).little}
    if not little or len(little) == len(cores):
        slowest = min(_speed(cores, core) for core in cores)
        little = {core.number for core in cores if _speed(cores, core) == slowest}
    rest = [core for core in cores if core.number not in little]
    speeds = sorted({_speed(cores, core) for core in rest})
    roles: dict[int, Role] = {number: "little" for number in little}
    for core in rest:
        is_prime = len(speeds) > 1 and _speed(cores, core) == speeds[-1]
        roles[core.number] = "prime" if is_prime else "big"
    return roles


def fastest_cores(cores: Sequence[PhoneCore]) -> list[PhoneCore]:
    """Return the cores that are faster than all others; none of no cores."""
    fastest = max((_speed(cores, core) for core in cores), default=None)
    return [core for core in cores if _speed(cores, core) == fastest]


def choose_cores(cores: Sequence[PhoneCore], text: str) -> list[PhoneCore]:
    """Return the cores that a text means.

    Args:
        cores: What the phone has.
        text: ``prime`` (the fastest), ``big`` (the fastest of those that `core_roles` calls big), ``little``
            (all of them), or numbers and ranges such as ``4-7`` or ``0,2``.

    Raises:
        CoresUnavailableError: There are no such cores, or they are of more than one kind: what is measured on
            a mixture says nothing of either.
    """
    if not cores:
        raise CoresUnavailableError("Expected a phone that lists its cores; it lists none; try another")
    if text == "prime":
        return _alike(fastest_cores(cores))
    if text in ("big", "little"):
        roles = core_roles(cores)
        of_role = [core for core in cores if roles[core.number] == text]
        # A phone without little cores has none smaller than its big ones.
        return _alike(of_role or cores)
    wanted = parse_numbers(text)
    chosen = [core for core in cores if core.number in wanted]
    if not wanted or len(chosen) < len(wanted):
        has = ", ".join(str(core.number) for core in cores)
        raise CoresUnavailableError(
            f"Expected {CORE_FORMS} out of the cores {has}; got '{text}'; choose others"
        )
    if len(kinds := sorted({core.name for core in chosen})) > 1:
        raise CoresUnavailableError(
            f"Expected cores of one kind; got {' and '.join(kinds)} by '{text}'; take each kind by itself"
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
    """Return LLVM's name of a core, ``cortex-a76``; None for one that LLVM has no name for."""
    return core_part(name).mcpu


def _speed(cores: Sequence[PhoneCore], core: PhoneCore) -> tuple[int, bool, int]:
    # Kernels without energy-aware scheduling call all capacities equal, and some phones clock big and little
    # cores alike: a clock compares cores of one build only.
    capacities = {other.capacity for other in cores}
    told = len(capacities) > 1 and 0 not in capacities
    return (core.capacity if told else 0, not core_part(core.name).little, core.max_khz)


def _alike(of_role: Sequence[PhoneCore]) -> list[PhoneCore]:
    fastest = fastest_cores(of_role)[-1].name
    return [core for core in of_role if core.name == fastest]
