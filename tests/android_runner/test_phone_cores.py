"""Which of a phone's cores are meant, and what LLVM calls them."""

import pytest
from fake_transport import FakeTransport

from android_runner.errors import CoresUnavailableError
from android_runner.phone_cores import (
    PhoneCore,
    choose_cores,
    llvm_name,
    parse_cores,
    parse_numbers,
    read_cores,
    taskset_mask,
)
from android_runner.transport import ShellResult

CORES = [
    *(PhoneCore(number, "Cortex-A55", 1_800_000) for number in range(4)),
    *(PhoneCore(number, "Cortex-A78", 2_400_000) for number in range(4, 7)),
    PhoneCore(7, "Cortex-X1", 2_840_000),
]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("big", [7]), ("little", [0, 1, 2, 3]), ("4-6", [4, 5, 6]), ("5", [5]), ("0,2-3", [0, 2, 3])],
)
def test_cores_are_chosen_by_clock_or_by_number(text: str, numbers: list[int]) -> None:
    assert [core.number for core in choose_cores(CORES, text)] == numbers


@pytest.mark.parametrize("text", ["", "fast", "8", "4-", "6-4", "-1", "1,,2"])
def test_other_texts_and_missing_cores_are_refused(text: str) -> None:
    with pytest.raises(CoresUnavailableError, match="0, 1, 2, 3, 4, 5, 6, 7"):
        choose_cores(CORES, text)


def test_cores_of_two_kinds_are_refused() -> None:
    with pytest.raises(CoresUnavailableError, match="Cortex-A55 and Cortex-A78"):
        choose_cores(CORES, "3-4")


def test_a_phone_that_lists_no_cores_is_refused() -> None:
    with pytest.raises(CoresUnavailableError, match="lists none"):
        choose_cores([], "big")


def test_cores_and_clocks_are_read_from_the_phone() -> None:
    listed = "".join(
        f"processor\t: {n}\nCPU implementer\t: 0x41\nCPU part\t: {part}\n\n"
        for n, part in ((0, "0xd05"), (3, "0xd0b"))
    )
    clocks = "0 1785600\n1 \n3 2419200\nfreq 7\n"
    transport = FakeTransport(
        [("cat /proc/cpuinfo", ShellResult(0, listed, "")), ("cpuinfo_max_freq", ShellResult(0, clocks, ""))]
    )
    expected = [PhoneCore(0, "Cortex-A55", 1_785_600), PhoneCore(3, "Cortex-A76", 2_419_200)]
    assert read_cores(transport) == expected
    assert parse_cores(listed, {})[1].max_khz == 0


def test_numbers_and_masks() -> None:
    assert parse_numbers("0,4-7") == {0, 4, 5, 6, 7}
    assert parse_numbers("4-7 ") == set()
    assert taskset_mask([4, 5, 6, 7]) == "f0"
    assert taskset_mask([0]) == "1"


@pytest.mark.parametrize(
    ("name", "llvm"),
    [
        ("Cortex-A76", "cortex-a76"),
        ("Neoverse-N1", "neoverse-n1"),
        ("Kryo 4xx Silver", "cortex-a55"),
        ("0x41/0xd99", None),
        ("Kryo 9xx", None),
    ],
)
def test_llvm_names(name: str, llvm: str | None) -> None:
    assert llvm_name(name) == llvm
