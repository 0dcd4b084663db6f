"""Which devices `eval --device` means: one, or all phones of a key, if they are of one kind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from android_runner.errors import TrackerError
from android_runner.rack.phone_info import PhoneInfo, server_fields
from android_runner.rack.tracker import Tracker
from android_runner.rack.tracker_client import TrackerAddress, TrackerClient
from android_runner.tuning.device_state import DeviceState
from groupnet.bundle import load_bundle
from groupnet.errors import BundleTargetError, EvaluationError
from groupnet.scoring.devices import find_devices

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
ARM64 = 183


def test_all_phones_of_a_key_work(write_bundle: Callable[..., Path], tmp_path: Path) -> None:
    said: list[str] = []
    phone_bundle = load_bundle(write_bundle(tmp_path / "arm64", machine=ARM64))
    host_bundle = load_bundle(write_bundle(tmp_path / "host"))
    with Tracker(port=0) as tracker:
        address = TrackerAddress("127.0.0.1", tracker.port)
        spec = f"tracker:{address}/pixels"
        with pytest.raises(EvaluationError, match="got none; offer them with `groupnet agent`"):
            find_devices(phone_bundle, spec, 1, said.append)
        with TrackerClient(address) as one, TrackerClient(address) as other:
            one.describe(server_fields("pixels", 1, A76))
            other.describe(server_fields("pixels", 2, A76))
            found = find_devices(phone_bundle, spec, 1, said.append)
            assert len(found.openers) == 2 and found.about is not None
            assert (found.about["kind"], found.about["cores"], found.about["emulated"]) == (
                "tracker",
                4,
                False,
            )
            assert said == ["2 phones with Cortex-A76 under 'pixels'"]
            with pytest.raises(BundleTargetError, match="aarch64"):
                find_devices(host_bundle, spec, 1, said.append)
            other.describe(server_fields("pixels", 2, A76.model_copy(update={"core": "Cortex-A55"})))
            with pytest.raises(EvaluationError, match="got Cortex-A55, Cortex-A76"):
                find_devices(phone_bundle, spec, 1, said.append)
    with pytest.raises(TrackerError):
        find_devices(phone_bundle, spec, 1, said.append)


def test_any_other_device_is_one(write_bundle: Callable[..., Path], tmp_path: Path) -> None:
    found = find_devices(load_bundle(write_bundle(tmp_path / "host")), "host", 1, print)
    assert len(found.openers) == 1 and found.about is None
