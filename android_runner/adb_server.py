"""The adb server of this machine, asked through `adbutils`: which phones it has, and which one is meant."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from android_runner.deadline import Deadline
from android_runner.errors import (
    AuthenticationError,
    DeviceError,
    DeviceOfflineError,
    LinkDownError,
    NoSuchDeviceError,
    SeveralDevicesError,
)

DEFAULT_PORT = 5037
_START_TIMEOUT_S = 20.0
_PROBE_TIMEOUT_S = 1.0
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Listed:
    """A phone as the adb server lists it; its state is ``device``, ``offline``, ``unauthorized``, ..."""

    serial: str
    state: str


def server_port() -> int:
    """Return where adb's clients look for the server: ``$ANDROID_ADB_SERVER_PORT``, else 5037."""
    given = os.environ.get("ANDROID_ADB_SERVER_PORT", "")
    return int(given) if given.isdecimal() and 0 < int(given) < 1 << 16 else DEFAULT_PORT


def server_runs(port: int) -> bool:
    """Return whether something listens there; no server is started."""
    try:
        socket.create_connection((_LOOPBACK, port), _PROBE_TIMEOUT_S).close()
    except OSError:
        return False
    return True


def start_server(port: int) -> None:
    """Start an adb server unless one runs: the `adb` on the search path, or that of adbutils.

    Raises:
        NoSuchDeviceError: It does not start.
    """
    if server_runs(port):
        return
    import adbutils

    try:
        program = adbutils.adb_path()
        subprocess.run(
            [program, "-P", str(port), "start-server"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # the server inherits it, so that a pipe would never end
            stderr=subprocess.DEVNULL,
            timeout=_START_TIMEOUT_S,
            check=True,
        )
    except (adbutils.AdbError, OSError, subprocess.SubprocessError) as exc:
        raise NoSuchDeviceError(
            f"Expected an adb server on port {port}; it does not start: {exc}; "
            "run `adb start-server` to see why"
        ) from exc


def listed_phones(port: int, timeout_s: float) -> list[Listed]:
    """Ask the server, which must be running, for the phones it knows; raises TransportError."""
    deadline = Deadline(timeout_s, "be listed by the adb server")
    return [Listed(info.serial, info.state) for info in _ask(port, deadline, lambda client: client.list())]


def choose_phone(listed: Sequence[Listed], serial: str) -> str:
    """Return the serial of the phone that is meant; an empty one means the only phone there is.

    Raises:
        SeveralDevicesError: No serial was given and several phones are there.
        AuthenticationError: The phone does not know this machine's key.
        DeviceOfflineError: It is there and does not answer.
        NoSuchDeviceError: It is not there.
    """
    found = [phone for phone in listed if serial in ("", phone.serial)]
    if len(found) > 1:
        names = ", ".join(f"adb:{phone.serial}" for phone in found)
        raise SeveralDevicesError(
            f"Expected one phone, or its serial; got {names}; choose one of them with --device"
        )
    if not found:
        there = ", ".join(phone.serial for phone in listed) or "none"
        raise NoSuchDeviceError(
            f"Expected {f'the phone {serial}' if serial else 'a phone'} at the adb server; it lists {there}; "
            "plug it in, turn on USB debugging, and look at `adb devices`"
        )
    (phone,) = found
    if phone.state == "device":
        return phone.serial
    raise _explain_state(phone.serial, phone.state)


def find_phone(port: int, serial: str, timeout_s: float) -> None:
    """Check that the server has the phone and may use it; one with an address is connected to if need be.

    Raises:
        DeviceError: See `choose_phone` and `start_server`.
        TransportError: The server does not answer.
    """
    start_server(port)
    listed = listed_phones(port, timeout_s)
    if ":" in serial and not any(phone.serial == serial and phone.state != "offline" for phone in listed):
        deadline = Deadline(timeout_s, "be connected by the adb server")
        # `connect` says nothing of use about a phone that it has and that is offline.
        _ask(port, deadline, lambda client: client.disconnect(serial))
        _ask(port, deadline, lambda client: client.connect(serial))
        listed = listed_phones(port, timeout_s)
    choose_phone(listed, serial)


def explain_failure(serial: str, said: str) -> DeviceError:
    """Return what an adb server's FAIL to ``host:transport:SERIAL`` means."""
    for state in ("unauthorized", "authorizing", "offline"):
        if state in said:
            return _explain_state(serial, state)
    return LinkDownError(
        f"Expected {serial} at the adb server; it said: {said.strip() or 'nothing'}; "
        "look at the phone and its cable"
    )


def _explain_state(serial: str, state: str) -> DeviceError:
    if state in ("unauthorized", "authorizing"):
        return AuthenticationError(
            f"Expected {serial} to accept this machine's ADB key; it is {state}; "
            "unlock the phone and confirm `Allow USB debugging`"
        )
    if state == "no":  # of "no permissions (user is not in the plugdev group ...)"
        return AuthenticationError(
            f"Expected to be allowed to use {serial} over USB; the system refuses it; "
            "add a udev rule for the phone or join the group plugdev, then plug it in again"
        )
    return DeviceOfflineError(
        f"Expected {serial} to answer; adb says {state}; "
        "unlock the phone, plug it in again, or run `adb reconnect`"
    )


def connect_to_server(port: int, deadline: Deadline) -> Any:
    """Open a connection of adbutils, which would start a server unasked; raises LinkDownError and its kin."""
    import adbutils

    if not server_runs(port):
        raise _no_server(port)
    try:
        return adbutils.AdbClient(_LOOPBACK, port).make_connection(deadline.remaining_s())
    except adbutils.AdbTimeout as exc:
        raise deadline.error() from exc
    except (adbutils.AdbError, OSError) as exc:
        raise LinkDownError(
            f"Expected the adb server on port {port}; got {exc}; run `adb start-server`"
        ) from exc


def _ask(port: int, deadline: Deadline, question: Any) -> Any:
    import adbutils

    if not server_runs(port):
        raise _no_server(port)
    try:
        return question(adbutils.AdbClient(_LOOPBACK, port, socket_timeout=deadline.remaining_s()))
    except (adbutils.AdbTimeout, TimeoutError) as exc:
        raise deadline.error() from exc
    except (adbutils.AdbError, OSError, ValueError) as exc:
        raise LinkDownError(
            f"Expected an answer of the adb server on port {port}; got {exc}; "
            "run `adb kill-server` and try again"
        ) from exc


def _no_server(port: int) -> LinkDownError:
    return LinkDownError(
        f"Expected an adb server on port {port} of this machine; nothing listens there; "
        "run `adb start-server`"
    )
