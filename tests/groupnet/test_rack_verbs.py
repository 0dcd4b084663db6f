"""Racks by command line: misuse is one sentence, and a tracker says where it is and ends when told to."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from android_runner.rack.phone_info import PhoneInfo, server_fields
from android_runner.rack.tracker import Tracker
from android_runner.rack.tracker_client import TrackerAddress, TrackerClient
from android_runner.tuning.device_state import DeviceState
from groupnet import cli

A76 = PhoneInfo(
    core="Cortex-A76",
    target="cortex-a76",
    cpu="4x Cortex-A55 + 4x Cortex-A76",
    arch="aarch64",
    emulated=False,
    limit_s=15,
    reading=1,
    state=DeviceState(cores=(4, 5, 6, 7)),
)


@pytest.fixture
def tracker() -> Iterator[TrackerAddress]:
    with Tracker(port=0) as running:
        yield TrackerAddress("127.0.0.1", running.port)


def refused(*arguments: str | Path) -> str:
    """Run a verb that must fail; return the error's type and message."""
    done = CliRunner().invoke(cli.app, [*map(str, arguments), "--json"])
    assert done.exit_code == 2, done.stderr
    error = json.loads(done.stdout.splitlines()[-1])["error"]
    return f"{error['type']}: {error['message']}"


def tune(tmp_path: Path, device: str, *options: str) -> str:
    return refused("tune", "digits-k3", "--db", tmp_path, "--device", device, *options)


def test_tuning_needs_phones_of_one_kind(tmp_path: Path, tracker: TrackerAddress) -> None:
    device = f"tracker:{tracker}/pixels"
    assert "got none" in tune(tmp_path, device)
    with TrackerClient(tracker) as one, TrackerClient(tracker) as other:
        one.describe(server_fields("pixels", 1, A76))
        assert "`groupnet agent`, which pins" in tune(tmp_path, device, "--cores", "big")
        assert "at most 4 threads" in tune(tmp_path, device, "--threads", "1,5")
        other.describe(server_fields("pixels", 2, A76.model_copy(update={"core": "Cortex-A55"})))
        assert "got Cortex-A55, Cortex-A76" in tune(tmp_path, device)
        # An emulated phone is another kind, whatever its cores.
        other.describe(server_fields("pixels", 2, A76.model_copy(update={"emulated": True})))
        assert "TuningError" in tune(tmp_path, device)
        other.describe({"key": "server:pixels", "addr": [None, 3], "groupnet": None})
        assert "TrackerError: Expected phones of `groupnet agent`" in tune(tmp_path, device)


@pytest.mark.parametrize("device", ["tracker:", "tracker:somewhere/k", "tracker:127.0.0.1:1/k"])
def test_a_tracker_that_is_none_is_named(tmp_path: Path, device: str) -> None:
    assert tune(tmp_path, device).startswith("TrackerError")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--serial", "x:y", "--tracker", "127.0.0.1:9190", "--key", "k"), "adb:HOST:PORT"),
        (("--serial", "127.0.0.1:1", "--tracker", "nowhere", "--key", "k"), "HOST:PORT; got 'nowhere'"),
        (("--serial", "127.0.0.1:1", "--tracker", "127.0.0.1:9190", "--key", "a/b"), "got 'a/b'"),
    ],
)
def test_an_agent_is_told_what_is_wrong(options: tuple[str, ...], said: str) -> None:
    assert said in refused("agent", *options)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_tracker_says_where_it_is_and_ends_when_told_to(number: signal.Signals, code: int) -> None:
    command = "from groupnet.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", command, "tracker", "--port", "0", "--json"], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        where = json.loads(running.stdout.readline())["tracker"]
        with TrackerClient(TrackerAddress("127.0.0.1", int(where.split(":")[1]))) as client:
            assert client.pending() == []
        running.send_signal(number)
        assert running.wait(timeout=30) == code
