"""Phones on USB: which one is meant, and what is said where there is none or nothing to look with."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_usb import FakeUsb, UsbPhone, fake_usb

from android_runner.errors import (
    AuthenticationError,
    DeviceError,
    NoSuchDeviceError,
    SeveralDevicesError,
    TransportError,
)
from android_runner.usb_phones import choose_usb_phone, find_usb_phone, usb_serials


@pytest.fixture
def usb(tmp_path: Path) -> Iterator[FakeUsb]:
    with fake_usb(tmp_path) as usb:
        yield usb


def test_the_phone_that_is_meant() -> None:
    assert choose_usb_phone(["A", "B"], "B") == "B"
    assert choose_usb_phone(["A"], "") == "A"
    assert choose_usb_phone(["A", None], "A") == "A"


@pytest.mark.parametrize(
    ("listed", "serial", "error", "said"),
    [
        (["A", "B"], "", SeveralDevicesError, "got A, B; choose one"),
        ([], "", NoSuchDeviceError, "a phone on USB; there is none; plug it in"),
        (["A"], "B", NoSuchDeviceError, "the phone B on USB; there is A;"),
        (["A", None], "B", AuthenticationError, "use B over USB.*udev"),
        ([None], "", AuthenticationError, "udev"),
    ],
)
def test_a_phone_that_cannot_be_used(
    listed: list[str | None], serial: str, error: type[DeviceError], said: str
) -> None:
    with pytest.raises(error, match=said):
        choose_usb_phone(listed, serial)


def test_phones_are_found_by_adb_shell(usb: FakeUsb) -> None:
    assert usb_serials() == []
    usb.plug([UsbPhone("A", 1), UsbPhone(None, 2), UsbPhone("B", 3)])
    assert usb_serials() == ["A", None, "B"]
    assert find_usb_phone("B") is not None
    with pytest.raises(AuthenticationError):
        find_usb_phone("C")


@pytest.mark.usefixtures("usb")
def test_without_libusb1_its_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usb1", None)
    with pytest.raises(TransportError, match=r"`pip install libusb1`, or take --transport adbutils"):
        usb_serials()


@pytest.mark.usefixtures("usb")
def test_without_the_library_its_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "usb1.py").write_text("raise OSError('cannot find a suitable libusb-1.0')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(TransportError, match=r"`apt-get install libusb-1\.0-0`"):
        usb_serials()
