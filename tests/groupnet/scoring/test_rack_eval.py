"""Two emulated phones behind a tracker score one data set; one is killed in the middle, for good."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from run_verb import groupnet
from small_digits import small_digits

from android_runner.emulator.phone import EmulatedPhone, missing_requirements, start_phone, stop_phone
from android_runner.rack.agent import Offering, run_agent
from android_runner.rack.phone_info import phones_of
from android_runner.rack.tracker import Tracker
from android_runner.rack.tracker_client import TrackerAddress, TrackerClient
from groupnet.bundle import load_bundle
from groupnet.evaluate import EvalRequest, run_eval
from groupnet.scoring import board, run
from groupnet.scoring.crew import Scored

KEY = "eval-test"
CORE = "cortex-a53"
IMAGES = 240


@contextmanager
def agent(phone: EmulatedPhone, tracker: TrackerAddress) -> Iterator[None]:
    """Offer a phone for as long as the block lasts."""
    stop = threading.Event()
    offering = Offering(f"adb:{phone.serial}", tracker, KEY, "big", limit_s=60)
    offers = threading.Thread(target=run_agent, args=(offering, stop, print))
    offers.start()
    try:
        yield
    finally:
        stop.set()
        offers.join()


@pytest.fixture
def phones() -> Iterator[list[EmulatedPhone]]:
    if missing := missing_requirements():
        pytest.skip(" ".join(missing))
    names = [f"rack-eval-{number}-{os.getpid()}" for number in range(2)]
    yield [start_phone(cpu=CORE, name=name) for name in names]
    for name in names:
        stop_phone(name)


@pytest.mark.phone
def test_a_killed_phones_images_go_to_the_other(
    phones: list[EmulatedPhone], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = small_digits(tmp_path / "net", CORE)
    monkeypatch.setattr(board, "MAX_CHUNK", 4)
    at_work: set[str] = set()
    killed: list[int] = []
    keep = run.Run._keep

    def keep_and_kill(self: run.Run, scored: Scored) -> None:
        """Kill a phone once both have scored; until then the first one is held back."""
        keep(self, scored)
        at_work.add(scored.device)
        if len(at_work) < 2:
            time.sleep(1)
        elif not killed:
            killed.append(self._answers.count)
            stop_phone(phones[0].name)

    monkeypatch.setattr(run.Run, "_keep", keep_and_kill)
    with Tracker(port=0) as tracker, ExitStack() as stack:
        address = TrackerAddress("127.0.0.1", tracker.port)
        for phone in phones:
            stack.enter_context(agent(phone, address))
        client = stack.enter_context(TrackerClient(address))
        while len(phones_of(client.summary(), KEY)) < len(phones):
            time.sleep(0.1)
        device = f"tracker:{address}/{KEY}"
        request = EvalRequest(limit=IMAGES, keep=tmp_path / "answers")
        result = run_eval(load_bundle(bundle), request, device, say=lambda text, _done: print(text))
    assert killed and killed[0] < IMAGES
    assert (
        result["images"] == result["same_predictions"] == sum(result["images_by_device"].values()) == IMAGES
    )
    assert result["scores"] == result["pytorch_scores"]
    assert (result["checks"]["images"], result["checks"]["exact"]) == ([0, IMAGES - 1], True)
    assert (result["device"]["kind"], result["device"]["emulated"]) == ("tracker", True)
    assert len(result["images_by_device"]) == 2
    for name in ("nobody", ""):
        other = groupnet("eval", bundle, "--device", f"tracker:{address}/{name}", code=2)["error"]
        assert other["type"] == "TrackerError"  # by now it is gone
