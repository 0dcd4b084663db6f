"""Devices by name: ``host``, ``emulator`` and ``adb:HOST:PORT``."""

from __future__ import annotations

from android_runner.device import Device, DeviceInfo
from android_runner.errors import NoSuchDeviceError
from android_runner.host_device import HostDevice

DEVICE_FORMS = ("host", "emulator", "adb:HOST:PORT")
"""What `open_device` understands, for help texts and error messages."""


def open_device(spec: str) -> Device:
    """Return the device that ``spec`` names.

    Raises:
        NoSuchDeviceError: The name has none of the known forms, or nothing answers to it.
    """
    if spec == "host":
        return HostDevice()
    raise NoSuchDeviceError(f"Expected a device of the form {', '.join(DEVICE_FORMS)}; got '{spec}'; use one")


def list_devices() -> list[DeviceInfo]:
    """Return the devices at hand, this machine first."""
    return [HostDevice().info()]
