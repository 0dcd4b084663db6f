"""Devices by name: this machine, emulated phones, phones, maybe by a certain transport, and boards."""

from __future__ import annotations

import logging
from functools import partial

from android_runner.adb_choice import (
    TransportName,
    check_serial,
    choose_transport,
    connect_phone,
    parse_serial,
    serials_at_server,
)
from android_runner.adb_server import server_port
from android_runner.board_device import BoardDevice
from android_runner.device import Device, DeviceInfo
from android_runner.emulator.phone import EmulatedPhone, running_phone, running_phones
from android_runner.errors import DeviceError, NoSuchDeviceError
from android_runner.host_device import HostDevice
from android_runner.phone_device import PhoneDevice

logger = logging.getLogger(__name__)

DEVICE_FORMS = ("host", "emulator", "adb:SERIAL", "adb:HOST:PORT", "rpc:HOST:PORT")
"""What `open_device` understands, for help texts and error messages."""

_CONNECT_TIMEOUT_S = 10.0
_ADB_KINDS: dict[str, TransportName | None] = {"adb": None, "adb-shell": "adb-shell", "adbutils": "adbutils"}


def open_device(spec: str) -> Device:
    """Return the device that ``spec`` names.

    ``adb:SERIAL`` finds the way to the phone by itself (`choose_transport`); ``adb-shell:SERIAL`` and
    ``adbutils:SERIAL`` say it; without a serial the only phone at the adb server is meant, or the only one on
    USB. Straight to a phone goes the key of ``~/.android/adbkey``, as adb's, or that of the emulated phone
    which listens there. ``rpc:HOST:PORT`` is a board where TVM's own RPC server listens.

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
        return _phone(phone.serial, None, phone, spec)
    kind, _, serial = spec.partition(":")
    if kind in _ADB_KINDS:
        check_serial(serial)
        emulated = next((phone for phone in running_phones() if phone.serial == serial), None)
        return _phone(serial, _ADB_KINDS[kind], emulated, spec)
    if kind == "rpc":
        address = parse_serial(serial)
        if address is None:
            raise NoSuchDeviceError(
                f"Expected rpc:HOST:PORT; got '{spec}'; name where TVM's RPC server listens"
            )
        return BoardDevice(address.host, address.port)
    if kind == "tracker":
        raise NoSuchDeviceError(
            f"Expected one device; got '{spec}', all phones of a rack's key, which `eval` and `tune` take; "
            "name one phone, as its agent does"
        )
    raise NoSuchDeviceError(f"Expected a device of the form {', '.join(DEVICE_FORMS)}; got '{spec}'; use one")


def through(spec: str, transport: str | None) -> str:
    """Return the name of the device ``spec`` reached through a transport; None leaves it as it is.

    Raises:
        NoSuchDeviceError: It is no transport, or the device is no phone.
    """
    if transport is None:
        return spec
    kind, _, serial = spec.partition(":")
    if transport not in _ADB_KINDS or transport == "adb":
        raise NoSuchDeviceError(
            f"Expected --transport adb-shell or adbutils; got '{transport}'; leave it out to have one chosen"
        )
    if kind == "emulator" and (phone := running_phone()) is not None:
        return f"{transport}:{phone.serial}"
    if kind not in _ADB_KINDS:
        raise NoSuchDeviceError(
            f"Expected --transport with a phone, emulator or adb:SERIAL; got it with '{spec}'; leave it out"
        )
    return f"{transport}:{serial}"


def list_devices() -> list[DeviceInfo]:
    """Return the devices at hand, this machine first; a phone that does not answer is left out."""
    found = [HostDevice().info()]
    emulated = running_phones()
    specs = ["emulator" if phone == running_phone() else f"adb:{phone.serial}" for phone in emulated]
    ours = {phone.serial for phone in emulated}
    specs += [f"adb:{serial}" for serial in serials_at_server(server_port()) if serial not in ours]
    for spec in specs:
        try:
            found.append(open_device(spec).info())
        except DeviceError as exc:
            logger.warning("%s", exc)
    return found


def _phone(
    serial: str, asked: TransportName | None, emulated: EmulatedPhone | None, spec: str
) -> PhoneDevice:
    # Said at once, and not only when somebody connects.
    choose_transport(serial, asked, emulated=emulated is not None, at_server=())
    key = None if emulated is None else emulated.key
    connect = partial(connect_phone, serial, asked, key, _CONNECT_TIMEOUT_S)
    return PhoneDevice(connect, kind="adb" if emulated is None else "emulator", name=spec)
