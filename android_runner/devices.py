"""Devices by name: ``host``, ``emulator`` and ``adb:HOST:PORT``."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from android_runner.adb_shell_transport import AdbShellTransport
from android_runner.device import Device, DeviceInfo
from android_runner.emulator.phone import EmulatedPhone, running_phone, running_phones
from android_runner.errors import DeviceError, NoSuchDeviceError
from android_runner.host_device import HostDevice
from android_runner.phone_device import PhoneDevice

logger = logging.getLogger(__name__)

DEVICE_FORMS = ("host", "emulator", "adb:HOST:PORT")
"""What `open_device` understands, for help texts and error messages."""

_CONNECT_TIMEOUT_S = 10.0


def open_device(spec: str) -> Device:
    """Return the device that ``spec`` names.

    ``adb:HOST:PORT`` uses the key of ``~/.android/adbkey``, as adb does, or that of the emulated phone which
    listens there.

    Raises:
        NoSuchDeviceError: The name has none of the known forms, or the emulated phone is not running.
    """
    if spec == "host":
        return HostDevice()
    if spec == "emulator":
        phone = running_phone()
        if phone is None:
            raise NoSuchDeviceError(
                "Expected an emulated phone; none is running; start one with `groupnet emulator start`"
            )
        return _emulated(phone, spec)
    kind, _, serial = spec.partition(":")
    if kind == "adb":
        return _phone(serial, spec)
    raise NoSuchDeviceError(f"Expected a device of the form {', '.join(DEVICE_FORMS)}; got '{spec}'; use one")


def list_devices() -> list[DeviceInfo]:
    """Return the devices at hand, this machine first; a phone that does not answer is left out."""
    found = [HostDevice().info()]
    for phone in running_phones():
        spec = "emulator" if phone == running_phone() else f"adb:{phone.serial}"
        try:
            found.append(_emulated(phone, spec).info())
        except DeviceError as exc:
            logger.warning("%s", exc)
    return found


def _phone(serial: str, spec: str) -> PhoneDevice:
    host, _, port = serial.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise NoSuchDeviceError(
            f"Expected adb:HOST:PORT; got '{spec}'; "
            "for a phone on USB run `adb tcpip 5555` and use its address"
        )
    for phone in running_phones():
        if phone.serial == serial:
            return _emulated(phone, spec)
    key = Path.home() / ".android" / "adbkey"
    return PhoneDevice(
        partial(AdbShellTransport.connect, host, int(port), key, _CONNECT_TIMEOUT_S), kind="adb", name=spec
    )


def _emulated(phone: EmulatedPhone, spec: str) -> PhoneDevice:
    connect = partial(AdbShellTransport.connect, "127.0.0.1", phone.port, phone.key, _CONNECT_TIMEOUT_S)
    return PhoneDevice(connect, kind="emulator", name=spec)
