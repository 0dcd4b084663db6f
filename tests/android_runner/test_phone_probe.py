"""What a phone is made of, by its answers."""

import json
from dataclasses import asdict

import pytest
from fake_transport import FakeTransport
from phone_facts import PHONES, PhoneFacts, phone

from android_runner.adb_shell_transport import AdbShellTransport
from android_runner.phone_probe import Answers, parse_hardware, read_answers, soc_name
from android_runner.transport import ShellResult

STATE = """battery 274
zone cpu-0-0 31000
level 85
status 3
space Filesystem     1K-blocks     Used Available Use% Mounted on
space /dev/block/dm-5 113148984 58146156  55002828  52% /data
"""


def test_everything_that_a_phone_tells() -> None:
    hardware = parse_hardware(phone("Pixel 8").answers(STATE))
    assert (hardware.soc, hardware.abi) == ("Tensor G3", "arm64-v8a")
    assert [(c.cores, c.name, c.role, c.min_khz, c.max_khz) for c in hardware.clusters] == [
        ((0, 1, 2, 3), "Cortex-A510", "little", 324_000, 1_704_000),
        ((4, 5, 6, 7), "Cortex-A715", "big", 402_000, 2_367_000),
        ((8,), "Cortex-X3", "prime", 500_000, 2_914_000),
    ]
    assert hardware.features == ("dotprod", "fp16", "i8mm", "SVE", "SVE2")
    assert (hardware.cpu_celsius, hardware.battery_celsius) == (31.0, 27.4)
    assert (hardware.battery_percent, hardware.charging) == (85, False)
    assert hardware.free_bytes == 55_002_828 * 1024
    assert hardware.target.mcpu == "cortex-x3"
    json.dumps(asdict(hardware))


SOCS = {
    "Galaxy S7": "exynos8890",
    "Oppo R15": "MT6771",
    "OnePlus 5T": "msm8998",
    "Galaxy S9 US": "SDM845",
    "Mate 20": "kirin980",
    "Pixel 6a": "Tensor",
    "OnePlus 15": "SM8850",
    "Mi 10": "",
}


@pytest.mark.parametrize("name", SOCS)
def test_the_chip_by_what_its_maker_tells(name: str) -> None:
    assert soc_name(phone(name).properties) == SOCS[name]


@pytest.mark.parametrize("facts", PHONES, ids=lambda facts: facts.name)
def test_clusters_of_real_phones_are_the_runs_of_their_cores(facts: PhoneFacts) -> None:
    hardware = parse_hardware(facts.answers())
    assert [len(cluster.cores) for cluster in hardware.clusters] == [run.count for run in facts.runs]
    assert hardware.free_bytes is hardware.charging is hardware.battery_percent is None


def test_two_kinds_that_share_a_clock_are_two_clusters() -> None:
    told = "".join(f"core {n} max=2800000 together=0,1 governor=walt capacity=900\n" for n in (0, 1))
    cpuinfo = "".join(
        f"processor : {n}\nCPU implementer : 0x41\nCPU part : {part}\n\n"
        for n, part in enumerate(("0xd4d", "0xd47"))
    )
    clusters = parse_hardware(Answers("", cpuinfo, told)).clusters
    assert [(cluster.name, cluster.governor, cluster.capacity) for cluster in clusters] == [
        ("Cortex-A715", "walt", 900),
        ("Cortex-A710", "walt", 900),
    ]


def test_a_phone_that_answers_nothing() -> None:
    hardware = parse_hardware(Answers("", "", ""))
    assert hardware.clusters == () and hardware.features == () and hardware.soc == ""
    assert hardware.target.text == "arm64"


@pytest.mark.parametrize(
    ("said", "free"),
    [
        ("space /dev/fuse 100 40 60 40% /data\n", 60 * 1024),
        ("space /dev/very/long/name\nspace    100 40 60 40% /data\n", 60 * 1024),
        ("space df: /data/local/tmp: No such file or directory\n", None),
        ("", None),
    ],
)
def test_free_space(said: str, free: int | None) -> None:
    assert parse_hardware(Answers("", "", said)).free_bytes == free


@pytest.mark.parametrize(("status", "charging"), [("2", True), ("5", True), ("3", False), ("4", False)])
def test_charging(status: str, charging: bool) -> None:
    assert parse_hardware(Answers("", "", f"status {status}\n")).charging is charging


def test_a_phone_is_asked_three_things() -> None:
    script = [("getprop", "p"), ("cat /proc/cpuinfo", "c"), ("dumpsys battery", "s")]
    transport = FakeTransport([(command, ShellResult(0, text, "")) for command, text in script])
    assert read_answers(transport) == Answers("p", "c", "s")
    assert transport.script == []


@pytest.mark.phone
def test_an_emulated_phone_tells_all_of_it(transport: AdbShellTransport) -> None:
    hardware = parse_hardware(read_answers(transport))
    assert {cluster.name for cluster in hardware.clusters} == {"Cortex-A53"}
    assert all(cluster.governor and cluster.max_khz and cluster.min_khz for cluster in hardware.clusters)
    assert hardware.features == ()
    assert hardware.target.text == "cortex-a53"
    assert (hardware.battery_percent, hardware.charging, hardware.battery_celsius) == (85, False, 27.4)
    assert hardware.cpu_celsius == 31.0 and hardware.free_bytes
    assert hardware.soc == "EMU-A53" and hardware.abi == "arm64-v8a"
