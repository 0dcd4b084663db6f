"""Who a device is, parsed from /proc/cpuinfo and getprop."""

from __future__ import annotations

import platform
import re
from collections import Counter
from pathlib import Path

from android_runner.core_parts import part_name


def core_names(cpuinfo: str) -> list[str]:
    """Return the name of each core listed in an arm64 /proc/cpuinfo, in its order.

    A part that `core_parts` does not know is named by its numbers, ``0x41/0xd99``.
    """
    return [
        part_name(int(fields.get("CPU implementer", "0"), 0), int(fields["CPU part"], 0))
        for fields in _core_blocks(cpuinfo)
    ]


def core_numbers(cpuinfo: str) -> list[int]:
    """Return the number of each core listed in an arm64 /proc/cpuinfo, in its order."""
    return [int(fields.get("processor", place)) for place, fields in enumerate(_core_blocks(cpuinfo))]


def core_features(cpuinfo: str) -> frozenset[str]:
    """Return the instruction sets that every listed core has, in the kernel's words; maybe none."""
    told = [frozenset(fields.get("Features", "").split()) for fields in _core_blocks(cpuinfo)]
    return frozenset.intersection(*told) if told else frozenset()


def _core_blocks(cpuinfo: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for block in re.split(r"\n\s*\n", cpuinfo):
        fields = dict(re.findall(r"^([^\n:]+?)\s*:\s*(.*)$", block, re.MULTILINE))
        if "CPU part" in fields:
            # Kernels before 3.18 tell all numbers first, and then the part of the core that was asked.
            numbers = re.findall(r"^processor\s*:\s*(\d+)\s*$", block, re.MULTILINE)
            found += [{**fields, "processor": number} for number in numbers] or [fields]
    return found


def describe_cores(names: list[str]) -> str:
    """Return core names with their counts, ``4x Cortex-A55 + 4x Cortex-A76``; ``unknown`` without any."""
    return " + ".join(f"{count}x {name}" for name, count in Counter(names).items()) or "unknown"


def parse_properties(getprop: str) -> dict[str, str]:
    """Return the properties of a ``getprop`` listing: lines of ``[name]: [value]``."""
    return dict(re.findall(r"^\[([^\]]+)\]: \[(.*)\]\r?$", getprop, re.MULTILINE))


def host_cpu_name() -> str:
    """Return the name of this machine's processor as its kernel gives it."""
    try:
        cpuinfo = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.machine()
    if found := re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE):
        return found.group(1).strip()
    return describe_cores(core_names(cpuinfo))
