"""What a phone says of itself, as far as it says anything."""

import pytest

from android_runner.tuning.device_state import DeviceState, parse_state

SAID = """battery 314
zone battery 31400
zone cpu-0-0 42500
zone cpu-1-0 47000
zone cpuss-broken -274000
zone
governor schedutil
cores 4-6,7
"""


def test_a_phone_that_tells_everything() -> None:
    assert parse_state(SAID, "abc", "SM8350") == DeviceState(
        phone="abc",
        soc="SM8350",
        cores=(4, 5, 6, 7),
        governor="schedutil",
        battery_celsius=31.4,
        cpu_celsius=47.0,
    )


@pytest.mark.parametrize("said", ["", "battery \nzone\ngovernor \ncores \n", "zone gpu 90000\n"])
def test_a_phone_that_tells_nothing(said: str) -> None:
    assert parse_state(said, "abc", "") == DeviceState(phone="abc")


def test_whole_degrees_are_understood() -> None:
    assert parse_state("zone mtktsCPU 51\n", "", "").cpu_celsius == 51
