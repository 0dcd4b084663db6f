"""Opening and authenticating an ADB connection with `adb-shell`, and taking its socket over.

`adb-shell` alone will not do for the rest: its reader holds a lock while it waits, so a tunnel would stall;
it knows no exit codes; and it ignores short writes and the end of the connection.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from adb_shell.adb_device import AdbDevice
from adb_shell.auth.sign_cryptography import CryptographySigner
from adb_shell.exceptions import (
    AdbConnectionError,
    AdbTimeoutError,
    DeviceAuthError,
    InvalidChecksumError,
    InvalidCommandError,
    InvalidResponseError,
    TcpTimeoutException,
    UsbReadFailedError,
    UsbWriteFailedError,
)
from adb_shell.transport.tcp_transport import TcpTransport

from android_runner.errors import AuthenticationError, LinkLostError, NoSuchDeviceError, TransportTimeoutError

NOT_ADB = (InvalidChecksumError, InvalidCommandError, InvalidResponseError)
"""What `adb-shell` makes of something that does not speak ADB."""
USB_FAILED = (UsbReadFailedError, UsbWriteFailedError)


def adb_login(host: str, port: int, key: Path, timeout_s: float) -> tuple[socket.socket, int]:
    """Connect and authenticate; return the socket (blocking, without delay) and the largest payload in bytes.

    Args:
        host: Name or address of the phone.
        port: Its ADB port.
        key: The private key; the public one lies beside it as ``key.pub``.
        timeout_s: For each of connecting and authenticating.

    Raises:
        AuthenticationError: The key is missing, unreadable, or unknown to the device.
        NoSuchDeviceError: Nothing listens there.
        TransportTimeoutError: The device does not answer.
        LinkLostError: What answered is no ADB device, or it hung up.
    """
    address = f"{host}:{port}"
    transport = _Socket(host, port)
    try:
        max_payload_bytes = authenticate(transport, f"the device at {address}", key, timeout_s)
        return transport.take(), max_payload_bytes
    except ConnectionRefusedError as exc:
        raise NoSuchDeviceError(
            f"Expected a device at {address}; nothing listens there; check the address or run `adb tcpip`"
        ) from exc
    except (AdbTimeoutError, TcpTimeoutException, TimeoutError) as exc:
        raise TransportTimeoutError(
            f"Expected the device at {address} to answer within {timeout_s:g} s; it did not; "
            "check that ADB over TCP is on"
        ) from exc
    except (*NOT_ADB, OSError) as exc:
        raise LinkLostError(f"Expected an ADB device at {address}; got {exc}; check the address") from exc
    finally:
        transport.close()


def authenticate(transport: Any, phone: str, key: Path, timeout_s: float) -> int:
    """Connect with a transport of `adb-shell` and log in; return the largest payload in bytes.

    Args:
        transport: Not connected yet; left connected.
        phone: What the phone is called in errors.
        key: The private key; the public one lies beside it as ``key.pub``.
        timeout_s: For each of connecting and authenticating.

    Raises:
        AuthenticationError: The key is missing, unreadable, or unknown to the device.
        Exception: Of `NOT_ADB` where what answered is no ADB device, AdbTimeoutError where nothing did, and
            what the transport raises.
    """
    try:
        signer = CryptographySigner(str(key))
    except (OSError, ValueError) as exc:
        raise AuthenticationError(
            f"Expected an ADB key at {key} and {key}.pub; got {exc}; make one with `adb keygen {key}`"
        ) from exc
    offered: list[object] = []
    try:
        device = AdbDevice(transport, default_transport_timeout_s=timeout_s)
        device.connect(
            [signer], auth_timeout_s=timeout_s, read_timeout_s=timeout_s, auth_callback=offered.append
        )
        return int(device._maxdata)  # adb-shell has no public name for it
    except (DeviceAuthError, AdbConnectionError) as exc:
        raise _rejected(phone, key) from exc
    except (*NOT_ADB, AdbTimeoutError, TcpTimeoutException, *USB_FAILED, OSError) as exc:
        if offered:  # it waits for its owner, or has hung up on us
            raise _rejected(phone, key) from exc
        raise


def _rejected(phone: str, key: Path) -> AuthenticationError:
    return AuthenticationError(
        f"Expected {phone} to accept the ADB key {key}; it does not; "
        "confirm it on the phone's screen or connect once with `adb connect`"
    )


class _Socket(TcpTransport):  # type: ignore[misc] # adb-shell ships no types
    """adb-shell's TCP transport without its delayed packets, short writes and deaf ear to the end."""

    _connection: Any  # None before connect() and after take()

    def connect(self, transport_timeout_s: float | None) -> None:
        super().connect(transport_timeout_s)
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None) -> bytes:
        data: bytes = super().bulk_read(numbytes, transport_timeout_s)
        if not data:
            raise ConnectionResetError("the device hung up")
        return data

    def bulk_write(self, data: bytes, transport_timeout_s: float | None) -> int:
        # Logging in sends less than a socket buffer, so a plain limit per call is enough.
        self._connection.settimeout(transport_timeout_s)
        try:
            self._connection.sendall(data)
        finally:
            self._connection.setblocking(False)
        return len(data)

    def take(self) -> socket.socket:
        """Hand the socket over, so that closing this transport leaves it open."""
        taken: socket.socket = self._connection
        self._connection = None
        taken.setblocking(True)
        return taken
