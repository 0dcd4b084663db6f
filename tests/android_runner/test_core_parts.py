"""Cores by their part numbers."""

import pytest

from android_runner.core_parts import CorePart, core_part, known_parts, part_name


@pytest.mark.parametrize(
    ("implementer", "part", "name", "mcpu", "little"),
    [
        (0x41, 0xD05, "Cortex-A55", "cortex-a55", True),
        (0x41, 0xD85, "Cortex-X925", "cortex-x925", False),
        (0x41, 0xD8A, "C1-Nano", "c1-nano", True),
        (0x48, 0xD40, "Cortex-A76", "cortex-a76", False),
        (0x51, 0x805, "Kryo 4xx Silver", "cortex-a55", True),
        (0x51, 0x001, "Oryon", "oryon-1", False),
        (0x53, 0x001, "Exynos M1/M2", None, False),
    ],
)
def test_cores(implementer: int, part: int, name: str, mcpu: str | None, little: bool) -> None:
    assert part_name(implementer, part) == name
    assert core_part(name) == CorePart(name, mcpu, little)


def test_the_same_part_of_another_maker_is_another_core() -> None:
    assert part_name(0x48, 0xD42) == "0x48/0xd42"
    assert part_name(0x99, 0xD05) == "0x99/0xd05"
    assert core_part("0x99/0xd05") == CorePart("0x99/0xd05", None)


def test_names_are_of_one_kind_each() -> None:
    assert len({part.name for part in known_parts()}) == len(known_parts())
