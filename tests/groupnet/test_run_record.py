"""What is said of cores, governors, temperatures and repeated runs."""

from typing import Any

import pytest

from android_runner.attempts import Attempt
from android_runner.governor import GovernorChange
from android_runner.run_control import Conditions, RunControl
from android_runner.throttling import Throttling
from android_runner.tuning.device_state import DeviceState
from groupnet.run_record import describe_attempts, describe_control, notes_on_control

POLICY = "/sys/devices/system/cpu/cpufreq/policy4"
READ = {POLICY: "schedutil"}
ASKED = RunControl(cores="big", governor="performance")


def conditions(during: str, after: dict[str, str] | None) -> Conditions:
    change = GovernorChange("performance", READ, {POLICY: during}, after)
    return Conditions(ASKED, (4, 5), ("Cortex-A76",), READ, change)


def test_the_record_of_a_controlled_run() -> None:
    assert describe_control(None) is None
    assert describe_control(conditions("performance", READ)) == {
        "asked_cores": "big",
        "cores": [4, 5],
        "kinds": ["Cortex-A76"],
        "governors": READ,
        "governor": {
            "asked": "performance",
            "before": READ,
            "during": {POLICY: "performance"},
            "after": READ,
            "permitted": True,
        },
    }
    uncontrolled = describe_control(Conditions(RunControl(), (0, 1), ("Cortex-A53",), {}))
    assert uncontrolled is not None and uncontrolled["governor"] is uncontrolled["asked_cores"] is None


@pytest.mark.parametrize(
    ("during", "after", "notes"),
    [
        ("performance", READ, []),
        ("schedutil", READ, ["the phone does not permit the governor performance: schedutil"]),
        ("performance", None,
         ["the governor is not yet what it was: the next run on this phone puts it back"]),
    ],
)  # fmt: skip
def test_notes_on_governors(during: str, after: dict[str, str] | None, notes: list[str]) -> None:
    result = {"run_control": describe_control(conditions(during, after))}
    assert notes_on_control(result) == ["on cores 4,5 (Cortex-A76)", *notes]


def test_attempts_and_temperatures() -> None:
    assert notes_on_control({}) == []
    fell = Throttling(True, ("core 7 fell from 2.80 to 2.00 GHz",), 9)
    attempts: list[Attempt[Any]] = [
        Attempt(None, 9.0, [], fell, DeviceState(cpu_celsius=48.0)),
        Attempt(None, 8.0, [], fell, DeviceState(cpu_celsius=66.0, cooled_s=300.0, hot=True)),
    ]
    told = describe_attempts(attempts)
    assert told["throttling"]["throttled"] is True
    assert told["temperature"] == {
        "battery_celsius": None,
        "cpu_celsius": 66.0,
        "cooled_s": 300.0,
        "hot": True,
    }
    assert [(one["p50_ms"], one["cooled_s"]) for one in told["attempts"]] == [(9.0, 0.0), (8.0, 300.0)]
    assert notes_on_control(told) == ["measured hot: it did not cool down", "2 attempts"]
    (only,) = (Attempt(None, 9.0, [], None, None),)
    assert describe_attempts([only])["temperature"] is describe_attempts([only])["throttling"] is None
