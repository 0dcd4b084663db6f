"""What thermometers say, in each form that kernels give it."""

import pytest

from android_runner.thermometers import battery_celsius, cpu_celsius


@pytest.mark.parametrize(
    ("said", "battery", "cpu"),
    [
        ("", None, None),
        ("battery \nzone\nzone  \n", None, None),
        ("battery 314\nzone battery 31400\nzone cpu-0-0-usr 42500\nzone cpuss-1 47000\n", 31.4, 47.0),
        ("zone mtktscpu 51\nzone mtktsbattery 33\n", None, 51.0),
        ("zone BIG 55000\nzone MID 48000\nzone LITTLE 44000\nzone G3D 70000\n", None, 55.0),
        ("zone gpu 90000\nzone BIGGER 90000\n", None, None),
        ("battery 9999\nzone cpu-0 -274000\nzone cpu-1 40000\n", None, 40.0),
        ("battery -55\n", -5.5, None),
    ],
)
def test_battery_and_processor(said: str, battery: float | None, cpu: float | None) -> None:
    assert (battery_celsius(said), cpu_celsius(said)) == (battery, cpu)
