"""Two emulated phones behind a tracker: one is killed in the middle and comes back, and nothing is missed."""

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from faulty_kernels import GOOD, TARGET, job
from phone_state import wait_until

from android_runner.emulator.phone import EmulatedPhone, missing_requirements, start_phone, stop_phone
from android_runner.rack.agent import Offering, run_agent
from android_runner.rack.phone_info import phones_of
from android_runner.rack.rack import Rack
from android_runner.rack.tracked_link import TrackedLink
from android_runner.rack.tracker import Tracker
from android_runner.rack.tracker_client import TrackerAddress, TrackerClient
from android_runner.tuning.phone_answers import PhoneAnswers
from android_runner.tuning.records import Conditions, Database, Record
from android_runner.tuning.session import Session
from android_runner.tuning.worker import Answer, Worker
from tvm_schedules.tuning.request import KernelTask, kernel_key, kernel_name

pytestmark = pytest.mark.phone

CORE = "cortex-a53"
KEY = "rack-test"
CALL_LIMIT_S = 10.0
TRIALS = 10
CONDITIONS = Conditions(core=CORE, cpu="phones", threads=1, tvm="0", groupnet="0", emulated=True)
TASK = KernelTask(kernel_key(kernel_name(GOOD.build(TARGET))), GOOD, 1)


@contextmanager
def agent(phone: EmulatedPhone, tracker: TrackerAddress) -> Iterator[None]:
    """Offer a phone for as long as the block lasts."""
    stop = threading.Event()
    offering = Offering(f"adb:{phone.serial}", tracker, KEY, "big", CALL_LIMIT_S)
    offers = threading.Thread(target=run_agent, args=(offering, stop, print))
    offers.start()
    try:
        yield
    finally:
        stop.set()
        offers.join()


def worker(tracker: TrackerAddress) -> Worker:
    link = TrackedLink(tracker, KEY, "Cortex-A53", wait_s=15)
    return Worker(1, 100, PhoneAnswers(link, 1, CALL_LIMIT_S, back_off_s=()))


@pytest.fixture
def phones() -> Iterator[list[EmulatedPhone]]:
    if missing := missing_requirements():
        pytest.skip(" ".join(missing))
    names = [f"rack-{number}-{os.getpid()}" for number in range(2)]
    yield [start_phone(cpu=CORE, name=name) for name in names]
    for name in names:
        stop_phone(name)


def offered(tracker: TrackerAddress) -> int:
    with TrackerClient(tracker) as client:
        return len(phones_of(client.summary(), KEY))


class KillingOnce:
    """A rack's measurer that restarts a phone once some measurements were made."""

    def __init__(self, rack: Rack, victim: EmulatedPhone, after: int) -> None:
        self._rack, self._victim, self._after = rack, victim, after
        self._lock = threading.Lock()
        self._count = 0
        self.restarted = False

    def measure(self, job: object) -> Answer:
        """Measure, and at some point kill the phone first."""
        with self._lock:
            self._count += 1
            now = self._count == self._after
        if now:
            stop_phone(self._victim.name)
            start_phone(cpu=CORE, name=self._victim.name, port=self._victim.port)
            self.restarted = True
        return self._rack.measure(job)


def tuned(folder: Path, rack: Rack, victim: EmulatedPhone | None) -> list[Record]:
    measurer = KillingOnce(rack, victim, TRIALS // 2) if victim else rack
    session = Session([TASK], TARGET, Database(folder), CONDITIONS, measurer, parallel=2)
    session.run(TRIALS, None, lambda _search, _answer: None)
    assert victim is None or measurer.restarted
    return [record for record in Database(folder).read(CORE) if not record.confirmed]


def test_the_measured_choices_are_those_of_an_undisturbed_run(
    phones: list[EmulatedPhone], tmp_path: Path
) -> None:
    with Tracker(port=0) as tracker, ExitStack() as stack:
        address = TrackerAddress("127.0.0.1", tracker.port)
        for phone in phones:
            stack.enter_context(agent(phone, address))
        wait_until(lambda: offered(address) == len(phones))
        client = stack.enter_context(TrackerClient(address))
        (known, _) = phones_of(client.summary(), KEY).values()
        assert (known.core, known.emulated, known.state.battery_celsius) == ("Cortex-A53", True, 27.4)
        rack = stack.enter_context(Rack([worker(address) for _ in phones], (1, 2, 4)))
        calm = tuned(tmp_path / "calm", rack, None)
        disturbed = tuned(tmp_path / "disturbed", rack, phones[0])
    for records in (calm, disturbed):
        assert {record.outcome for record in records} == {"ok"}
        # Both phones have measured.
        assert len({record.device.phone for record in records if record.device}) == 2
    assert len(calm) == len(disturbed) == TRIALS
    assert {record.choice for record in disturbed} == {record.choice for record in calm}


def test_faults_and_the_loss_of_the_tracker_are_survived(phones: list[EmulatedPhone]) -> None:
    with ExitStack() as stack:
        tracker = Tracker(port=0)
        address = TrackerAddress("127.0.0.1", tracker.port)
        stack.enter_context(agent(phones[0], address))
        wait_until(lambda: offered(address) == 1)
        measuring = stack.enter_context(worker(address))
        for fault, (outcome, reason) in {
            "": ("ok", ""),
            "crash": ("crashed", "signal 6"),
            "hang": ("timeout", f"{CALL_LIMIT_S:g} s"),
        }.items():
            answer = measuring.measure(job(fault))
            assert (answer.outcome, reason in answer.reason) == (outcome, True), answer
        assert measuring.measure(job(place=1)).outcome == "ok"
        tracker.close()
        # What was lent is not lost with the tracker.
        answer = measuring.measure(job(place=2))
        assert answer.outcome == "ok"
        assert answer.device is not None and answer.device.battery_celsius == 27.4
        measuring.stop()
        with Tracker(tracker.port):
            wait_until(lambda: offered(address) == 1)
            assert measuring.measure(job(place=3)).outcome == "ok"
