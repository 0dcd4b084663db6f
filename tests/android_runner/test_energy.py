"""What a run costs of the battery: units and signs of several makers, cables, and too few readings."""

import pytest

from android_runner.energy import Energy, battery_watts, estimate_energy


@pytest.mark.parametrize(
    ("said", "watts"),
    [
        ("supply Battery now=-215000 volts=4012000 status=Discharging", 0.215 * 4.012),
        ("supply Battery now=1250000 volts=3900000 status=Discharging", 1.25 * 3.9),
        ("supply Battery now=-850 volts=4000 status=Discharging", 0.85 * 4.0),
        ("supply USB now=500000 volts=5000000 status=\nsupply Battery now=-300000 volts=4000000 "
         "status=Discharging", 0.3 * 4.0),
        ("supply Battery now=-215000 volts=4012000 status=Charging", None),
        ("supply Battery now=-215000 volts=4012000 status=Not charging", None),
        ("supply Battery now=0 volts=4012000 status=Discharging", None),
        ("supply Battery now= volts=4012000 status=Discharging", None),
        ("supply Battery now=-215000 volts= status=Discharging", None),
        ("supply USB now=-215000 volts=4012000 status=Discharging", None),
        ("", None),
    ],
)  # fmt: skip
def test_what_the_battery_gives(said: str, watts: float | None) -> None:
    assert battery_watts(f"clock 0 1 1 1\n{said}\nzone cpu 30000\n") == pytest.approx(watts)


def test_a_run_costs_its_share_of_what_the_busy_phone_draws() -> None:
    energy = estimate_energy([0.9, 2.0, 3.0, 2.0, 3.0], run_ms=8.0)
    assert energy == Energy(watts=2.5, rest_watts=0.9, millijoules=20.0, readings=4)


@pytest.mark.parametrize("watts", [[], [0.9], [0.9, 2.0, 3.0, 2.0], [0.9, 2.0, 3.0, None, 2.0], [None] * 9])
def test_too_little_is_no_estimate(watts: list[float | None]) -> None:
    assert estimate_energy(watts, run_ms=8.0) is None
