"""Phones on this machine's USB, found by `adb-shell` with libusb, without an adb server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from android_runner.errors import DeviceError, NoSuchDeviceError, SeveralDevicesError, TransportError
from android_runner.usb_packets import UsbPackets, not_permitted

_LIBUSB_ACCESS = -3
_DIRECTION_IN = 0x80  # of an endpoint's address


def find_usb_phone(serial: str) -> UsbPackets:
    """Return a phone on USB, not opened yet.

    Raises:
        NoSuchDeviceError: It is not there.
        AuthenticationError: This user may not even ask the phones on USB for their serials.
        TransportError: libusb is missing.
    """
    found = _listed()
    chosen = choose_usb_phone([name for name, _ in found], serial)
    transport = next(transport for name, transport in found if name == chosen)
    return UsbPackets(transport, _packet_bytes(transport), chosen)


def usb_serials() -> list[str | None]:
    """Return the serials of phones on USB, None for one that may not be asked; raises TransportError."""
    return [name for name, _ in _listed()]


def choose_usb_phone(listed: Sequence[str | None], serial: str) -> str:
    """Return the serial of the phone that is meant; an empty one means the only phone there is.

    Args:
        listed: The serials on USB; None stands for a phone that may not be asked.
        serial: What was asked for.

    Raises:
        SeveralDevicesError: No serial was given and several phones are there.
        AuthenticationError: It may be one of those that this user may not ask.
        NoSuchDeviceError: It is not there.
    """
    names = [name for name in listed if name is not None]
    found = [name for name in names if serial in ("", name)]
    if len(found) > 1:
        raise SeveralDevicesError(
            f"Expected one phone on USB, or its serial; got {', '.join(found)}; "
            "choose one of them with --device adb-shell:SERIAL"
        )
    if found:
        return found[0]
    if None in listed:
        raise not_permitted(serial or "the phone")
    there = ", ".join(names) or "none"
    raise NoSuchDeviceError(
        f"Expected {f'the phone {serial}' if serial else 'a phone'} on USB; there is {there}; "
        "plug it in, unlock it, and turn on USB debugging"
    )


def _listed() -> list[tuple[str | None, Any]]:
    """Every phone with its ADB interface: its serial, and adb-shell's transport to it."""
    listed = []
    for transport in _adb_shell_usb().find_all_adb_devices():
        try:
            name: str | None = transport.serial_number or ""
        except Exception as exc:  # usb1.USBError: another error than this one is of a phone that is leaving
            if getattr(exc, "value", None) != _LIBUSB_ACCESS:
                continue
            name = None
        listed.append((name, transport))
    return listed


def _adb_shell_usb() -> Any:
    try:
        from adb_shell.transport.usb_transport import UsbTransport
    except ImportError as exc:
        raise _missing("the Python package libusb1", "pip install libusb1") from exc
    except OSError as exc:
        raise _missing("libusb-1.0", "apt-get install libusb-1.0-0") from exc
    return UsbTransport


def _missing(what: str, command: str) -> DeviceError:
    return TransportError(
        f"Expected {what} for ADB over USB without an adb server; it is not installed; "
        f"run `{command}`, or take --transport adbutils"
    )


def _packet_bytes(transport: Any) -> int:
    """How much the phone's endpoint takes in one packet: 512 bytes with USB 2, 1024 with USB 3."""
    endpoints = transport._setting.iterEndpoints()  # adb-shell keeps it to itself
    return next(
        int(endpoint.getMaxPacketSize())
        for endpoint in endpoints
        if not endpoint.getAddress() & _DIRECTION_IN
    )
