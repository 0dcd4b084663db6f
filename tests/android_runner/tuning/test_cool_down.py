"""When a phone is waited for."""

import pytest

from android_runner.tuning.cool_down import LIMITS, POLL_S, cool_down, must_wait
from android_runner.tuning.device_state import DeviceState


@pytest.mark.parametrize(
    ("battery", "cpu", "waiting", "wait"),
    [
        (None, None, False, False),
        (None, None, True, False),
        (30.0, 40.0, False, False),
        (37.0, 60.0, False, False),
        (37.1, 40.0, False, True),
        (37.1, None, False, True),
        (30.0, 60.1, False, True),
        (None, 60.1, False, True),
        # Between the two limits a wait goes on, and none begins.
        (36.0, 40.0, False, False),
        (36.0, 40.0, True, True),
        (30.0, 55.0, False, False),
        (30.0, 55.0, True, True),
        (35.0, 50.0, True, False),
    ],
)
def test_the_decision(battery: float | None, cpu: float | None, waiting: bool, wait: bool) -> None:
    assert must_wait(battery, cpu, waiting=waiting) is wait


def states(*batteries: float) -> list[DeviceState]:
    return [DeviceState(battery_celsius=celsius) for celsius in batteries]


def test_a_cool_phone_is_not_waited_for() -> None:
    readings = iter(states(30.0))
    state = cool_down(lambda: next(readings), sleep=pytest.fail)
    assert (state.cooled_s, state.hot) == (0.0, False)


def test_a_hot_phone_is_waited_for_until_it_is_cool() -> None:
    readings, slept = iter(states(39.0, 36.0, 34.5)), list[float]()
    state = cool_down(lambda: next(readings), sleep=slept.append)
    assert slept == [POLL_S, POLL_S]
    assert (state.battery_celsius, state.cooled_s, state.hot) == (34.5, 2 * POLL_S, False)


def test_patience_ends_and_is_recorded() -> None:
    slept: list[float] = []
    state = cool_down(lambda: states(45.0)[0], sleep=slept.append)
    assert sum(slept) == LIMITS.patience_s
    assert (state.cooled_s, state.hot) == (LIMITS.patience_s, True)
