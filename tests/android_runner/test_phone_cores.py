"""Which of a phone's cores are meant, and what LLVM calls them."""

from dataclasses import replace

import pytest
from fake_transport import FakeTransport
from phone_facts import PHONES, PhoneFacts, phone

from android_runner.errors import CoresUnavailableError
from android_runner.phone_cores import (
    PhoneCore,
    choose_cores,
    core_roles,
    fastest_cores,
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
    [
        ("prime", [7]),
        ("big", [4, 5, 6]),
        ("little", [0, 1, 2, 3]),
        ("4-6", [4, 5, 6]),
        ("5", [5]),
        ("0,2-3", [0, 2, 3]),
    ],
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
    told = (
        "core 0 max=1785600 min=300000 limit=1209600 governor=schedutil capacity=281 together=0,1\n"
        "core 1 max= min= limit= governor= capacity= together=\n"
        "core 3 max=2419200 min= limit= governor= capacity= together=3,\ncore freq max=7\n"
    )
    transport = FakeTransport(
        [("cat /proc/cpuinfo", ShellResult(0, listed, "")), ("cpuinfo_max_freq", ShellResult(0, told, ""))]
    )
    expected = [
        PhoneCore(0, "Cortex-A55", 1_785_600, 300_000, 1_209_600, 281, "schedutil", (0, 1)),
        PhoneCore(3, "Cortex-A76", 2_419_200, together=(3,)),
    ]
    assert read_cores(transport) == expected
    assert parse_cores(listed, "")[1].max_khz == 0


ROLES = {
    "Redmi Note 4": {"big": "0-7"},
    "Pixel": {"little": "0-1", "big": "2-3"},
    "Galaxy S7": {"little": "0-3", "big": "4-5"},
    "Galaxy A8 2018": {"little": "0-5", "big": "6-7"},
    "Oppo R15": {"little": "0-3", "big": "4-7"},
    "OnePlus 5T": {"little": "0-3", "big": "4-7"},
    "Galaxy S9": {"little": "0-3", "big": "4-7"},
    "Galaxy S9 US": {"little": "0-3", "big": "4-7"},
    "Mate 20": {"little": "0-3", "big": "4-5", "prime": "6-7"},
    "Pixel 8": {"little": "0-3", "big": "4-7", "prime": "8"},
    "Mi 10": {"little": "0-3", "big": "4-6", "prime": "7"},
    "Galaxy S20 Ultra": {"little": "0-3", "big": "4-5", "prime": "6-7"},
    "OnePlus 9 Pro": {"little": "0-3", "big": "4-6", "prime": "7"},
    "Pixel 6a": {"little": "0-3", "big": "4-5", "prime": "6-7"},
    "Galaxy S22 Ultra": {"little": "0-3", "big": "4-6", "prime": "7"},
    "Xiaomi 13 Pro": {"little": "0-2", "big": "3-6", "prime": "7"},
    "Kirin 9000S": {"little": "0-3", "big": "4-6", "prime": "7"},
    "iQOO Neo9 Pro": {"little": "0-3", "big": "4-6", "prime": "7"},
    "Galaxy S24+": {"little": "0-3", "big": "4-8", "prime": "9"},
    "Galaxy S25+": {"little": "0-5", "big": "6-7"},
    "OnePlus 15": {"little": "0-5", "big": "6-7"},
    "Dimensity 9500": {"little": "0-3", "big": "4-6", "prime": "7"},
}


@pytest.mark.parametrize("facts", PHONES, ids=lambda facts: facts.name)
def test_little_big_and_prime_cores_of_real_phones(facts: PhoneFacts) -> None:
    answers = facts.answers()
    cores = parse_cores(answers.cpuinfo, answers.state)
    expected = {number: role for role, text in ROLES[facts.name].items() for number in parse_numbers(text)}
    assert core_roles(cores) == expected
    # The fastest are prime for whoever asks, whether or not others are called big.
    fastest = {core.number for core in choose_cores(cores, "prime")}
    top = "prime" if "prime" in expected.values() else "big"
    assert fastest == {number for number, role in expected.items() if role == top}
    for role in ("big", "little"):
        assert len({core.name for core in choose_cores(cores, role)}) == 1


def test_of_two_kinds_of_big_cores_the_faster_or_the_last_are_taken() -> None:
    for name, numbers in (("Galaxy S24+", [4, 5, 6, 7, 8]), ("Xiaomi 13 Pro", [5, 6])):
        answers = phone(name).answers()
        chosen = choose_cores(parse_cores(answers.cpuinfo, answers.state), "big")
        assert [core.number for core in chosen] == numbers


def test_the_kernel_knows_what_a_core_can_do_unless_it_calls_all_alike() -> None:
    told = [PhoneCore(0, "x", 3_000_000, capacity=400), PhoneCore(1, "y", 2_000_000, capacity=1024)]
    assert [core.number for core in fastest_cores(told)] == [1]
    assert core_roles(told) == {0: "little", 1: "big"}
    alike = [replace(core, capacity=1024) for core in told]
    assert [core.number for core in fastest_cores(alike)] == [0]
    half = [told[0], replace(told[1], capacity=0)]
    assert [core.number for core in fastest_cores(half)] == [0]
    assert fastest_cores([]) == [] and core_roles([]) == {}


def test_clocks_that_the_phone_does_not_tell_leave_the_kinds() -> None:
    cores = [PhoneCore(0, "Cortex-A55"), PhoneCore(1, "Cortex-A76"), PhoneCore(2, "Cortex-X1")]
    assert core_roles(cores) == {0: "little", 1: "big", 2: "big"}
    assert [core.number for core in choose_cores(cores, "prime")] == [2]


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
