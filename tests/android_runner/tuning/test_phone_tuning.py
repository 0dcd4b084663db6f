"""Kernels measured on the emulated phone: each fault costs its choice alone, and a restart is survived."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_kernels import job

from android_runner.emulator.phone import EmulatedPhone, missing_requirements, start_phone, stop_phone
from android_runner.errors import CoresUnavailableError, DevicesGoneError
from android_runner.tuning.cool_down import POLL_S, cool_down
from android_runner.tuning.phone_answers import PhoneAnswers
from android_runner.tuning.phone_link import AdbLink, phone_named, pinned_server
from android_runner.tuning.worker import Worker

pytestmark = pytest.mark.phone

LIMIT_S = 100.0
CALL_LIMIT_S = 5.0


@pytest.fixture(scope="module")
def phone() -> Iterator[EmulatedPhone]:
    if missing := missing_requirements():
        pytest.skip(" ".join(missing))
    name = f"tuned-{os.getpid()}"
    yield start_phone(cpu="cortex-a53", name=name)
    stop_phone(name)


def worker(phone: EmulatedPhone, back_off_s: tuple[float, ...] = (0.1,), threads: int = 1) -> Worker:
    link = AdbLink(f"adb:{phone.serial}", "big")
    return Worker(threads, LIMIT_S, PhoneAnswers(link, threads, CALL_LIMIT_S, back_off_s))


def test_faults_cost_their_choice_alone(phone: EmulatedPhone) -> None:
    expected = {
        "": ("ok", ""),
        "error": ("failed", "expected another tile"),
        "wrong": ("wrong", "differ"),
        "crash": ("crashed", "signal 6"),
        "hang": ("timeout", f"{CALL_LIMIT_S:g} s"),
    }
    with worker(phone) as measuring:
        for fault, (outcome, reason) in expected.items():
            answer = measuring.measure(job(fault))
            assert (answer.outcome, reason in answer.reason) == (outcome, True), answer
            assert answer.device is not None
            assert answer.device.cores and answer.device.battery_celsius == 27.4
        answer = measuring.measure(job())
        assert answer.outcome == "ok"
        assert answer.seconds and answer.default_seconds


def test_a_phone_that_restarts_is_found_again_and_one_that_stays_away_is_gone() -> None:
    name = f"restarted-{os.getpid()}"
    phone = start_phone(cpu="cortex-a53", name=name)
    try:
        with worker(phone, back_off_s=(0.5, 1, 2, 4)) as measuring:
            assert measuring.measure(job(place=1)).outcome == "ok"
            stop_phone(name)
            restart = threading.Timer(
                1.0, start_phone, kwargs={"cpu": "cortex-a53", "name": name, "port": phone.port}
            )
            restart.start()
            assert measuring.measure(job(place=2)).outcome == "ok"
            restart.join()
        with worker(phone) as measuring:
            assert measuring.measure(job(place=1)).outcome == "ok"
            stop_phone(name)
            with pytest.raises(DevicesGoneError):
                measuring.measure(job(place=2))
    finally:
        stop_phone(name)


def cooler(thermometer: Path) -> None:
    thermometer.write_text("340\n")


def test_a_hot_phone_is_waited_for(phone: EmulatedPhone) -> None:
    thermometer = phone.root / "sys/class/power_supply/battery/temp"
    was = thermometer.read_text()
    try:
        with AdbLink(f"adb:{phone.serial}", "big").open(CALL_LIMIT_S) as opened:
            thermometer.write_text("450\n")
            state = cool_down(opened.state, sleep=lambda _: cooler(thermometer))
    finally:
        thermometer.write_text(was)
    assert (state.battery_celsius, state.cooled_s, state.hot) == (34.0, POLL_S, False)


def test_as_many_threads_as_cores(phone: EmulatedPhone) -> None:
    cores = len(os.sched_getaffinity(0))
    with worker(phone, threads=min(2, cores)) as measuring:
        assert measuring.measure(job()).outcome == "ok"
    with worker(phone, threads=cores + 1) as measuring, pytest.raises(DevicesGoneError, match="threads"):
        measuring.measure(job())


def test_a_server_gets_the_cores_that_were_asked_for(phone: EmulatedPhone) -> None:
    device = phone_named(f"adb:{phone.serial}")
    with device.transport() as transport:
        with pinned_server(device, transport, "0") as server:
            assert server.state().cores == (0,)
        with pytest.raises(CoresUnavailableError, match="63"), pinned_server(device, transport, "63"):
            pass
