"""Which way leads to a phone, which phone is meant, and what the adb server's words mean."""

import socket

import pytest

from android_runner import adb_server
from android_runner.adb_choice import Address, choose_transport, connect_phone, parse_serial
from android_runner.adb_routes import DirectRoute, ServerRoute, UsbRoute, parse_route, route_fields
from android_runner.adb_server import Listed, choose_phone, explain_failure, listed_phones, server_port
from android_runner.errors import (
    AuthenticationError,
    DeviceOfflineError,
    LinkDownError,
    NoSuchDeviceError,
    SeveralDevicesError,
)


@pytest.mark.parametrize(
    ("serial", "asked", "emulated", "at_server", "chosen"),
    [
        ("R5CT1234ABC", None, False, (), "adbutils"),
        ("R5CT1234ABC", None, False, ("R5CT1234ABC",), "adbutils"),
        ("R5CT1234ABC", "adb-shell", False, ("R5CT1234ABC",), "adb-shell"),
        ("", "adb-shell", False, (), "adb-shell"),
        ("", None, False, (), "adbutils"),
        ("10.0.0.7:5555", None, False, (), "adb-shell"),
        ("10.0.0.7:5555", None, False, ("R5CT1234ABC",), "adb-shell"),
        ("10.0.0.7:5555", None, False, ("10.0.0.7:5555",), "adbutils"),
        ("10.0.0.7:5555", "adb-shell", False, ("10.0.0.7:5555",), "adb-shell"),
        ("10.0.0.7:5555", "adbutils", False, (), "adbutils"),
        ("127.0.0.1:7001", None, True, ("127.0.0.1:7001",), "adb-shell"),
        ("127.0.0.1:7001", "adbutils", True, (), "adbutils"),
    ],
)
def test_the_way_to_a_phone(
    serial: str, asked: str | None, emulated: bool, at_server: tuple[str, ...], chosen: str
) -> None:
    assert choose_transport(serial, asked, emulated=emulated, at_server=at_server) == chosen  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("serial", "asked", "said"),
    [
        ("host:", None, "groupnet devices"),
        ("host:x", None, "groupnet devices"),
        (":5555", None, "groupnet devices"),
        ("h:70000", "adbutils", "groupnet devices"),
    ],
)
def test_a_way_that_there_is_not(serial: str, asked: str | None, said: str) -> None:
    with pytest.raises(NoSuchDeviceError, match=said):
        choose_transport(serial, asked, emulated=False, at_server=())  # type: ignore[arg-type]


def test_serials() -> None:
    assert parse_serial("127.0.0.1:5555") == Address("127.0.0.1", 5555)
    assert parse_serial("fe80::1:5555") == Address("fe80::1", 5555)
    assert parse_serial("emulator-5554") is None


def test_routes_travel_as_plain_data() -> None:
    for route in (DirectRoute("h", 1, "/k"), UsbRoute("R5CT", "/k"), ServerRoute("R5CT", 5037)):
        assert parse_route(route_fields(route)) == route


USB, LAN = Listed("R5CT", "device"), Listed("10.0.0.7:5555", "device")


def test_the_phone_that_is_meant() -> None:
    assert choose_phone([USB, LAN], "R5CT") == "R5CT"
    assert choose_phone([LAN], "") == "10.0.0.7:5555"


@pytest.mark.parametrize(
    ("listed", "serial", "error", "said"),
    [
        ([USB, LAN], "", SeveralDevicesError, "adb:R5CT, adb:10.0.0.7:5555; choose one"),
        ([], "", NoSuchDeviceError, "lists none; plug it in"),
        ([LAN], "R5CT", NoSuchDeviceError, "lists 10.0.0.7:5555"),
        ([Listed("R5CT", "unauthorized")], "", AuthenticationError, "Allow USB debugging"),
        ([Listed("R5CT", "authorizing")], "R5CT", AuthenticationError, "Allow USB debugging"),
        ([Listed("R5CT", "no")], "R5CT", AuthenticationError, "udev"),
        ([Listed("R5CT", "offline")], "R5CT", DeviceOfflineError, "adb reconnect"),
        ([Listed("R5CT", "recovery")], "R5CT", DeviceOfflineError, "adb says recovery"),
    ],
)
def test_a_phone_that_cannot_be_used(
    listed: list[Listed], serial: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        choose_phone(listed, serial)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set", AuthenticationError),
        ("device still authorizing", AuthenticationError),
        ("device offline", DeviceOfflineError),
        ("device 'R5CT' not found", LinkDownError),
        ("", LinkDownError),
    ],
)
def test_what_the_server_says_of_a_phone(words: str, error: type[Exception]) -> None:
    assert type(explain_failure("R5CT", words)) is error


def test_the_servers_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANDROID_ADB_SERVER_PORT", raising=False)
    assert server_port() == 5037
    for given, port in (("5099", 5099), ("tcp:5099", 5037), ("0", 5037), ("70000", 5037)):
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", given)
        assert server_port() == port


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> int:
    """A port on which no adb server listens; the one that adb's clients would ask."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
    return port


def test_without_a_server_none_is_started_to_list_phones(nobody: int) -> None:
    with pytest.raises(LinkDownError, match="adb start-server"):
        listed_phones(nobody, 1.0)
    assert not adb_server.server_runs(nobody)


def test_a_server_that_does_not_start(nobody: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADBUTILS_ADB_PATH", "/bin/false")
    with pytest.raises(NoSuchDeviceError, match="does not start"):
        connect_phone("R5CT", None, None, 1.0)
    assert not adb_server.server_runs(nobody)


def test_something_else_listens_on_the_servers_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(5.0)
        port = other.getsockname()[1]
        with pytest.raises(Exception, match=r"listed by the adb server|Expected an answer"):
            listed_phones(port, 0.3)
