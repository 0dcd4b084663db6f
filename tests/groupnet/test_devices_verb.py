"""What `groupnet devices` says of a phone."""

import json

import pytest
from rich.console import Console
from typer.testing import CliRunner

from android_runner import devices
from android_runner.device import DeviceInfo
from android_runner.phone_probe import Answers, parse_hardware
from groupnet import cli
from groupnet.devices import core_list, describe_cluster, hardware_table

CORE = "processor : {n}\nFeatures : fp asimd asimdhp asimddp atomics asimdrdm lrcpc\nCPU implementer : 0x41\n"
CPUINFO = "\n".join(CORE.format(n=n) + f"CPU part : {0xD05 if n < 2 else 0xD44:#x}\n" for n in range(3))
STATE = """core 0 max=1803000 min=300000 limit=1803000 governor=sched_pixel capacity=160 together=0,1
core 1 max=1803000 min=300000 limit=1803000 governor=sched_pixel capacity=160 together=0,1
core 2 max=2802000 min=500000 limit=1426000 governor=sched_pixel capacity=1024 together=2
battery 274
zone BIG 41000
level 85
status 2
space Filesystem 1K-blocks Used Available Use% Mounted on
space /dev/dm-5 113148984 58146156 55002828 52% /data
"""
PHONE = DeviceInfo(
    "adb",
    "adb:10.0.0.2:5555",
    "10.0.0.2:5555",
    "Pixel 6a",
    "2x Cortex-A55 + 1x Cortex-X1",
    "aarch64",
    emulated=False,
    android="13",
    cores=3,
    hardware=parse_hardware(Answers("[ro.soc.model]: [Tensor]\n", CPUINFO, STATE)),
)


def shown(info: DeviceInfo) -> str:
    assert info.hardware is not None
    console = Console(width=160)
    with console.capture() as capture:
        console.print(hardware_table(info, info.hardware))
    return capture.get()


def test_a_phone_is_shown_with_all_that_it_tells() -> None:
    text = shown(PHONE)
    for words in (
        "adb:10.0.0.2:5555: Pixel 6a",
        "Tensor",
        "2x Cortex-A55 (little), 0.30-1.80 GHz, sched_pixel, capacity 160",
        "1x Cortex-X1 (big), 0.50-2.80 GHz, now at most 1.43 GHz, sched_pixel, capacity 1024",
        "cores 0-1",
        "cores 2",
        "dotprod, fp16",
        "41.0 °C",
        "85 %, charging, 27.4 °C",
        "56.3 GB",
        "aarch64-linux-gnu",
        "Cortex-X1 is the fastest core",
        "--target 'cortex-x1'",
    ):
        assert words in text
    assert "mattr" not in text


def test_what_a_phone_does_not_tell_is_left_out() -> None:
    silent = DeviceInfo(
        "adb", "adb:x:1", "x:1", "unknown", "unknown", "aarch64", emulated=False, android=None, cores=1
    )
    hardware = parse_hardware(Answers("", "processor : 0\nCPU implementer : 0x41\nCPU part : 0xd99\n", ""))
    console = Console(width=160)
    with console.capture() as capture:
        console.print(hardware_table(silent, hardware))
    text = capture.get()
    assert "1x 0x41/0xd99 (big)" in text and "--target 'arm64'" in text
    for words in ("chip", "battery", "free", "GHz", "None"):
        assert words not in text
    assert describe_cluster(hardware.clusters[0]) == "1x 0x41/0xd99 (big)"


@pytest.mark.parametrize(
    ("numbers", "text"), [((0, 1, 2, 3), "0-3"), ((7,), "7"), ((0, 2), "0,2"), ((4, 5), "4-5")]
)
def test_lists_of_cores(numbers: tuple[int, ...], text: str) -> None:
    assert core_list(numbers) == text


def test_json_tells_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "list_devices", lambda: [PHONE])
    (told,) = json.loads(CliRunner().invoke(cli.app, ["devices", "--json"]).stdout)["devices"]
    assert told["model"] == "Pixel 6a" and told["cpu"] == "2x Cortex-A55 + 1x Cortex-X1"
    hardware = told["hardware"]
    assert hardware["target"]["mcpu"] == "cortex-x1" and hardware["target"]["mattr"] == []
    assert hardware["clusters"][1]["limit_khz"] == 1_426_000
    assert hardware["charging"] is True
    assert "compile with" in CliRunner().invoke(cli.app, ["devices"]).stdout
