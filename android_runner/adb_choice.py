"""Which way leads to a phone: straight to its daemon, or through the adb server."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from android_runner.adb_routes import DirectRoute, ServerRoute, UsbRoute
from android_runner.adb_server import choose_phone, listed_phones, server_port, server_runs, start_server
from android_runner.adb_transport import AdbTransport
from android_runner.errors import DeviceError, NoSuchDeviceError

TransportName = Literal["adb-shell", "adbutils"]
TRANSPORTS: tuple[TransportName, ...] = ("adb-shell", "adbutils")
"""`adb-shell` goes straight to the phone's daemon, over TCP or USB, `adbutils` through the adb server."""

_LIST_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Address:
    """A phone's address on the network."""

    host: str
    port: int


def parse_serial(serial: str) -> Address | None:
    """Return the address that a serial is; None for a serial of USB, or an empty one."""
    host, _, port = serial.rpartition(":")
    if host and port.isdecimal() and 0 < int(port) < 1 << 16:
        return Address(host, int(port))
    return None


def check_serial(serial: str) -> None:
    """Refuse a serial that no phone can have, whether or not it is there; raises NoSuchDeviceError."""
    if ":" in serial and parse_serial(serial) is None:
        raise NoSuchDeviceError(
            f"Expected adb:SERIAL or adb:HOST:PORT; got 'adb:{serial}'; look at `groupnet devices`"
        )


def choose_transport(
    serial: str, asked: TransportName | None, *, emulated: bool, at_server: Collection[str]
) -> TransportName:
    """Decide how to reach a phone.

    What was asked for is taken. Else an emulated phone of ours is reached straight, because we have its key;
    a phone on USB through the server, beside which others may use it; one with an address through a server
    that runs and has it already, because its key is the one that the phone's owner confirmed, else straight.

    Args:
        serial: The phone's serial; empty for the only one there is.
        asked: What the user asked for.
        emulated: Whether it is an emulated phone of ours.
        at_server: The serials that the running adb server lists; none where no server runs.

    Raises:
        NoSuchDeviceError: The serial is none.
    """
    check_serial(serial)
    if asked is not None:
        return asked
    if emulated:
        return "adb-shell"
    return "adbutils" if parse_serial(serial) is None or serial in at_server else "adb-shell"


def connect_phone(
    serial: str, asked: TransportName | None, emulated_key: Path | None, timeout_s: float
) -> AdbTransport:
    """Connect to a phone by the way that `choose_transport` says.

    Args:
        serial: Its serial; empty for the only one at the adb server, or on USB where adb-shell was asked for.
        asked: The transport that the user asked for.
        emulated_key: The key of an emulated phone of ours; None for any other.
        timeout_s: For connecting.

    Raises:
        NoSuchDeviceError: It is not there; SeveralDevicesError where none was named.
        TransportError: It cannot be reached, or does not know our key.
    """
    port = server_port()
    at_server = serials_at_server(port) if emulated_key is None and asked is None else ()
    chosen = choose_transport(serial, asked, emulated=emulated_key is not None, at_server=at_server)
    if chosen == "adbutils":
        if not serial:
            start_server(port)
            serial = choose_phone(listed_phones(port, timeout_s), "")
        return AdbTransport.along(ServerRoute(serial, port), timeout_s)
    # adb keeps its key there; resolved, because a tunnel's process has another working folder.
    key = (emulated_key or Path.home() / ".android" / "adbkey").resolve()
    address = parse_serial(serial)
    if address is None:
        return AdbTransport.along(UsbRoute(serial or _only_usb_phone(), str(key)), timeout_s)
    return AdbTransport.along(DirectRoute(address.host, address.port, str(key)), timeout_s)


def _only_usb_phone() -> str:
    from android_runner.usb_phones import choose_usb_phone, usb_serials

    return choose_usb_phone(usb_serials(), "")


def serials_at_server(port: int) -> list[str]:
    """Return what a running adb server lists; nothing where none runs or it does not answer."""
    if not server_runs(port):
        return []
    try:
        return [phone.serial for phone in listed_phones(port, _LIST_TIMEOUT_S)]
    except DeviceError:
        return []  # something else may listen there
