"""Devices by name."""

import socket
from pathlib import Path

import pytest

from android_runner import devices
from android_runner.devices import list_devices, open_device, through
from android_runner.emulator.phone import EmulatedPhone
from android_runner.errors import AuthenticationError, NoSuchDeviceError
from android_runner.host_device import HostDevice


@pytest.fixture(autouse=True)
def no_other_phones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at no phone that happens to run on this machine."""
    monkeypatch.setattr(devices, "running_phone", lambda: None)
    monkeypatch.setattr(devices, "running_phones", lambda: [])
    monkeypatch.setattr(devices, "serials_at_server", lambda _port: [])
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))


@pytest.mark.parametrize("spec", ["", "hosts", "phone", "emulator2", "rpcs:localhost:1", "ADB:x:1"])
def test_an_unknown_form_lists_the_known_ones(spec: str) -> None:
    with pytest.raises(NoSuchDeviceError, match="host, emulator, adb:SERIAL, adb:HOST:PORT, rpc:HOST:PORT"):
        open_device(spec)


@pytest.mark.parametrize("spec", ["adb:host:", "adb:host:x", "adb::5555", "adb:h:70000"])
def test_half_an_address_is_explained(spec: str) -> None:
    with pytest.raises(NoSuchDeviceError, match="adb:HOST:PORT"):
        open_device(spec)


@pytest.mark.parametrize(
    ("spec", "transport", "name"),
    [
        ("host", None, "host"),
        ("adb:R5CT", None, "adb:R5CT"),
        ("adb:R5CT", "adbutils", "adbutils:R5CT"),
        ("adb", "adbutils", "adbutils:"),
        ("adb:h:1", "adb-shell", "adb-shell:h:1"),
        ("adb:R5CT", "adb-shell", "adb-shell:R5CT"),
    ],
)
def test_a_transport_is_part_of_a_name(spec: str, transport: str | None, name: str) -> None:
    assert through(spec, transport) == name


@pytest.mark.parametrize(
    ("spec", "transport", "said"),
    [
        ("host", "adbutils", "leave it out"),
        ("rpc:h:1", "adbutils", "leave it out"),
        ("tracker:h:1/k", "adbutils", "leave it out"),
        ("adb:x", "usb", "adb-shell or adbutils"),
        ("adb:x", "adb", "adb-shell"),
    ],
)
def test_a_transport_that_does_not_go_with_it(spec: str, transport: str, said: str) -> None:
    with pytest.raises(NoSuchDeviceError, match=said):
        through(spec, transport)


@pytest.mark.parametrize(
    "spec", ["rpc:", "rpc:host", "rpc:host:", "rpc::9090", "rpc:h:70000", "rpc:h:9090/k"]
)
def test_a_board_needs_an_address(spec: str) -> None:
    with pytest.raises(NoSuchDeviceError, match="rpc:HOST:PORT"):
        open_device(spec)


def test_a_rack_is_not_one_device() -> None:
    with pytest.raises(NoSuchDeviceError, match="`eval` and `tune` take"):
        open_device("tracker:127.0.0.1:9190/a76")


def test_without_an_emulated_phone_the_command_is_named() -> None:
    with pytest.raises(NoSuchDeviceError, match="`groupnet emulator start`"):
        open_device("emulator")


def test_the_host_is_always_there() -> None:
    assert isinstance(open_device("host"), HostDevice)
    assert [info.name for info in list_devices()] == ["host"]


def test_a_phone_is_asked_with_the_key_of_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(AuthenticationError, match=str(tmp_path / ".android" / "adbkey")):
        open_device("adb:127.0.0.1:1").info()


@pytest.mark.phone
def test_a_running_emulated_phone_is_found(
    runner_phone: EmulatedPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "running_phone", lambda: runner_phone)
    monkeypatch.setattr(devices, "running_phones", lambda: [runner_phone])
    for spec in ("emulator", f"adb:{runner_phone.serial}"):
        info = open_device(spec).info()
        assert (info.name, info.serial, info.emulated) == (spec, runner_phone.serial, True)
    assert [info.name for info in list_devices()] == ["host", "emulator"]


@pytest.mark.phone
def test_a_phone_that_does_not_answer_is_left_out(
    runner_phone: EmulatedPhone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import dataclasses

    silent = dataclasses.replace(runner_phone, key=tmp_path / "lost")
    monkeypatch.setattr(devices, "running_phones", lambda: [silent])
    assert [info.name for info in list_devices()] == ["host"]
