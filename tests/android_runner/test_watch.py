"""A phone is read while it is measured."""

import time

import pytest
from fake_transport import FakeTransport

from android_runner.adb_shell_transport import AdbShellTransport
from android_runner.errors import LinkLostError
from android_runner.throttling import Clock, Reading, busy_cores, judge
from android_runner.transport import ShellResult
from android_runner.watch import watching


def said(khz: int) -> tuple[str, ShellResult]:
    return "scaling_cur_freq", ShellResult(0, f"clock 0 {khz} {khz} 9\n", "")


def wait_for(count: int, readings: list[Reading]) -> None:
    give_up_at = time.monotonic() + 20
    while len(readings) < count:
        assert time.monotonic() < give_up_at
        time.sleep(0.005)


def test_readings_come_until_the_block_ends() -> None:
    transport = FakeTransport([said(khz) for khz in range(1, 100)])
    with watching(transport, every_s=0.01) as readings:
        assert readings[0] == Reading({0: Clock(1, 1, 9)}, None)
        wait_for(4, readings)
    seen = len(readings)
    assert [one.clocks[0].now_khz for one in readings] == list(range(1, seen + 1))
    time.sleep(0.05)
    assert len(readings) == seen


def test_a_lost_link_ends_the_watch_alone(caplog: pytest.LogCaptureFixture) -> None:
    transport = FakeTransport([said(1), said(2), ("", LinkLostError("the cable is out"))])
    with watching(transport, every_s=0.005) as readings:
        wait_for(2, readings)
        give_up_at = time.monotonic() + 20
        while not caplog.text and time.monotonic() < give_up_at:
            time.sleep(0.005)
    assert len(readings) == 2 and "the cable is out" in caplog.text


def test_a_phone_that_cannot_be_reached_is_told_at_once() -> None:
    with pytest.raises(LinkLostError), watching(FakeTransport([("", LinkLostError("no"))])):
        raise AssertionError("nothing to watch")


@pytest.mark.phone
def test_an_emulated_phone_is_read(transport: AdbShellTransport) -> None:
    with watching(transport, every_s=0.01) as readings:
        wait_for(2, readings)
    assert readings[0].clocks[0] == Clock(2_016_000, 2_016_000, 2_016_000)
    assert readings[0].cpu_celsius == 31.0
    assert not judge(readings, busy_cores(readings, 1)).throttled
