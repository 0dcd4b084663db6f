"""Who a device is, parsed from /proc/cpuinfo and getprop."""

from __future__ import annotations

import platform
import re
from collections import Counter
from pathlib import Path

# MIDR implementer and part numbers (Arm's and the licensees' technical reference manuals).
_ARM = {
    0xD03: "Cortex-A53",
    0xD04: "Cortex-A35",
    0xD05: "Cortex-A55",
    0xD07: "Cortex-A57",
    0xD08: "Cortex-A72",
    0xD09: "Cortex-A73",
    0xD0A: "Cortex-A75",
    0xD0B: "Cortex-A76",
    0xD0C: "Neoverse-N1",
    0xD0D: "Cortex-A77",
    0xD0E: "Cortex-A76AE",
    0xD40: "Neoverse-V1",
    0xD41: "Cortex-A78",
    0xD44: "Cortex-X1",
    0xD46: "Cortex-A510",
    0xD47: "Cortex-A710",
    0xD48: "Cortex-X2",
    0xD49: "Neoverse-N2",
    0xD4D: "Cortex-A715",
    0xD4E: "Cortex-X3",
    0xD80: "Cortex-A520",
    0xD81: "Cortex-A720",
    0xD82: "Cortex-X4",
    0xD85: "Cortex-X925",
    0xD87: "Cortex-A725",
}
_QUALCOMM = {
    0x800: "Kryo 2xx Gold",
    0x801: "Kryo 2xx Silver",
    0x802: "Kryo 3xx Gold",
    0x803: "Kryo 3xx Silver",
    0x804: "Kryo 4xx Gold",
    0x805: "Kryo 4xx Silver",
}
_CORES = {0x41: _ARM, 0x51: _QUALCOMM}


def core_names(cpuinfo: str) -> list[str]:
    """Return the name of each core listed in an arm64 /proc/cpuinfo, in its order.

    A part this table does not know is named by its numbers, ``0x41/0xd99``.
    """
    names: list[str] = []
    for fields in _core_blocks(cpuinfo):
        implementer = int(fields.get("CPU implementer", "0"), 0)
        part = int(fields["CPU part"], 0)
        names.append(_CORES.get(implementer, {}).get(part, f"{implementer:#04x}/{part:#05x}"))
    return names


def core_numbers(cpuinfo: str) -> list[int]:
    """Return the number of each core listed in an arm64 /proc/cpuinfo, in its order."""
    return [int(fields.get("processor", place)) for place, fields in enumerate(_core_blocks(cpuinfo))]


def _core_blocks(cpuinfo: str) -> list[dict[str, str]]:
    blocks = re.split(r"\n\s*\n", cpuinfo)
    found = [dict(re.findall(r"^([^\n:]+?)\s*:\s*(.*)$", block, re.MULTILINE)) for block in blocks]
    return [fields for fields in found if "CPU part" in fields]


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
