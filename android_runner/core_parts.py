"""The cores that phones have, as data: part number, name, LLVM's name for it, and whether it is a little one.

Part numbers are those of MIDR_EL1, by implementer: Arm's and the licensees' technical reference manuals, the
Linux kernel's list of them and that of lscpu. LLVM's names are those of this project's LLVM; a core that it
does not know has that of the one that it was derived from, or none.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CorePart:
    """A kind of core.

    Attributes:
        name: as its maker calls it.
        mcpu: as LLVM calls it, or the core that it was derived from; None: known to LLVM by no name.
        little: built to be small: it executes in order.
    """

    name: str
    mcpu: str | None
    little: bool = False


def _arm(name: str, *, little: bool = False) -> CorePart:
    return CorePart(name, name.lower(), little)


_ARM = {
    0xD02: _arm("Cortex-A34", little=True),
    0xD03: _arm("Cortex-A53", little=True),
    0xD04: _arm("Cortex-A35", little=True),
    0xD05: _arm("Cortex-A55", little=True),
    0xD06: _arm("Cortex-A65"),
    0xD07: _arm("Cortex-A57"),
    0xD08: _arm("Cortex-A72"),
    0xD09: _arm("Cortex-A73"),
    0xD0A: _arm("Cortex-A75"),
    0xD0B: _arm("Cortex-A76"),
    0xD0C: _arm("Neoverse-N1"),
    0xD0D: _arm("Cortex-A77"),
    0xD0E: _arm("Cortex-A76AE"),
    0xD40: _arm("Neoverse-V1"),
    0xD41: _arm("Cortex-A78"),
    0xD42: _arm("Cortex-A78AE"),
    0xD44: _arm("Cortex-X1"),
    0xD46: _arm("Cortex-A510", little=True),
    0xD47: _arm("Cortex-A710"),
    0xD48: _arm("Cortex-X2"),
    0xD49: _arm("Neoverse-N2"),
    0xD4B: _arm("Cortex-A78C"),
    0xD4C: _arm("Cortex-X1C"),
    0xD4D: _arm("Cortex-A715"),
    0xD4E: _arm("Cortex-X3"),
    0xD4F: _arm("Neoverse-V2"),
    0xD80: _arm("Cortex-A520", little=True),
    0xD81: _arm("Cortex-A720"),
    0xD82: _arm("Cortex-X4"),
    0xD85: _arm("Cortex-X925"),
    0xD87: _arm("Cortex-A725"),
    0xD8A: _arm("C1-Nano", little=True),
    0xD8B: _arm("C1-Pro"),
    0xD8C: _arm("C1-Ultra"),
    0xD8F: _arm("Cortex-A320", little=True),
    0xD90: _arm("C1-Premium"),
}

# Up to Kryo 4xx Arm's cores have part numbers of Qualcomm's; which they are is in the data sheets of the
# Snapdragon 835, 845 and 855. Later ones have Arm's.
_QUALCOMM = {
    0x001: CorePart("Oryon", "oryon-1"),
    0x002: CorePart("Oryon V3", "oryon-1"),
    0x201: CorePart("Kryo", "kryo"),
    0x205: CorePart("Kryo", "kryo"),
    0x211: CorePart("Kryo", "kryo"),
    0x800: CorePart("Kryo 2xx Gold", "cortex-a73"),
    0x801: CorePart("Kryo 2xx Silver", "cortex-a53", little=True),
    0x802: CorePart("Kryo 3xx Gold", "cortex-a75"),
    0x803: CorePart("Kryo 3xx Silver", "cortex-a55", little=True),
    0x804: CorePart("Kryo 4xx Gold", "cortex-a76"),
    0x805: CorePart("Kryo 4xx Silver", "cortex-a55", little=True),
}
_SAMSUNG = {
    0x001: CorePart("Exynos M1/M2", None),
    0x002: CorePart("Exynos M3", "exynos-m3"),
    0x003: CorePart("Exynos M4", "exynos-m4"),
    0x004: CorePart("Exynos M5", "exynos-m5"),
}
# The Kirin 980, 990 and 810 number Arm's Cortex-A76 as their own.
_HISILICON = {
    0xD01: CorePart("TaiShan V110", "tsv110"),
    0xD02: CorePart("TaiShan V120", None),
    0xD40: CorePart("Cortex-A76", "cortex-a76"),
    0xD41: CorePart("Cortex-A77", "cortex-a77"),
}
_IMPLEMENTERS = {0x41: _ARM, 0x48: _HISILICON, 0x51: _QUALCOMM, 0x53: _SAMSUNG}
_BY_NAME = {part.name: part for parts in _IMPLEMENTERS.values() for part in parts.values()}


def part_name(implementer: int, part: int) -> str:
    """Return a core's name; of one that this table does not know its numbers, ``0x41/0xd99``."""
    known = _IMPLEMENTERS.get(implementer, {}).get(part)
    return known.name if known else f"{implementer:#04x}/{part:#05x}"


def core_part(name: str) -> CorePart:
    """Return the kind of core by `part_name`'s name; an unknown one is not little, nor known to LLVM."""
    return _BY_NAME.get(name, CorePart(name, None))


def known_parts() -> tuple[CorePart, ...]:
    """Return every kind of core that has a name here."""
    return tuple(_BY_NAME.values())


def numbered_parts() -> list[tuple[int, int, CorePart]]:
    """Return every kind of core with its implementer's number and its part number."""
    return [
        (implementer, number, part)
        for implementer, parts in _IMPLEMENTERS.items()
        for number, part in parts.items()
    ]
