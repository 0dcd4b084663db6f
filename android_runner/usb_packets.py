"""ADB's messages over USB, on a transport of `adb-shell`: a transfer for each header and for each payload.

A phone takes what comes in one transfer as one piece, and a transfer ends with a packet that is not full. So
one that fills its last packet is followed by an empty one, which `adb-shell` leaves out; phones send none.
Source: ``UsbFfsConnection`` of Android's adbd; ``UsbReadPayload`` and ``usb_write`` of its adb.
"""

from __future__ import annotations

import time
from typing import Any, Protocol

from adb_shell.exceptions import UsbReadFailedError, UsbWriteFailedError
from adb_shell.transport.base_transport import BaseTransport

from android_runner.adb_messages import HEADER_BYTES, Message, decode_header, encode_header
from android_runner.errors import (
    AuthenticationError,
    DeviceBusyError,
    DeviceError,
    LinkLostError,
    TransportTimeoutError,
)

TICK_S = 0.25
"""How long `UsbPackets.receive` waits for a message."""

_TRANSFER_LIMIT_S = 10.0
_STALE_LIMIT_S = 0.05
_STALE_BYTES = 16 * 1024

# Of libusb, as values of usb1.USBError, which is not imported here.
_ACCESS, _NO_DEVICE, _BUSY, _TIMEOUT = -3, -4, -6, -7


class UsbPort(Protocol):
    """What is used of `adb_shell.transport.usb_transport.UsbTransport`; raises usb1.USBError and its own."""

    def connect(self, transport_timeout_s: float | None) -> None:
        """Open the phone's ADB interface for this process alone."""
        ...

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None) -> bytes:
        """Wait for a transfer."""
        ...

    def bulk_write(self, data: bytes, transport_timeout_s: float | None) -> int:
        """Make a transfer."""
        ...

    def close(self) -> None:
        """Give the interface back."""
        ...


class UsbPackets(BaseTransport):  # type: ignore[misc] # adb-shell ships no types
    """A USB connection; `adb-shell` logs in over it, then it carries messages.

    One thread may receive while others send, one at a time.
    """

    def __init__(self, port: UsbPort, packet_bytes: int, serial: str) -> None:
        """Take a port that is not open, and how much its endpoint for writing takes in one packet."""
        self._port, self._packet_bytes, self._serial = port, packet_bytes, serial

    # --- what adb-shell calls

    def connect(self, transport_timeout_s: float | None) -> None:
        """Open it, and throw away what the phone still had for whoever came before.

        Raises:
            DeviceBusyError: Another program has the phone.
            AuthenticationError: This user may not use it.
            LinkLostError: It cannot be opened.
        """
        try:
            self._port.connect(transport_timeout_s)
        except Exception as exc:
            if not hasattr(exc, "value"):  # of usb1.USBError
                raise
            raise self.explain(exc) from exc
        while self._read(_STALE_BYTES, _STALE_LIMIT_S):
            pass

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None) -> bytes:
        """Wait for at most `numbytes`; raises UsbReadFailedError."""
        return self._port.bulk_read(numbytes, transport_timeout_s)

    def bulk_write(self, data: bytes, transport_timeout_s: float | None) -> int:
        """Make a transfer that the phone knows the end of."""
        written = self._port.bulk_write(data, transport_timeout_s)
        if written != len(data):
            raise UsbWriteFailedError(f"took {written} of {len(data)} bytes", None)
        if data and len(data) % self._packet_bytes == 0:
            self._port.bulk_write(b"", transport_timeout_s)
        return written

    def close(self) -> None:
        """Give the phone back."""
        self._port.close()

    # --- messages

    def send(self, message: Message) -> None:
        """Send a message; raises LinkLostError, TransportTimeoutError."""
        try:
            self.bulk_write(encode_header(message), _TRANSFER_LIMIT_S)
            if message.payload:
                self.bulk_write(message.payload, _TRANSFER_LIMIT_S)
        except UsbWriteFailedError as exc:
            raise self.explain(exc) from exc

    def receive(self) -> Message | None:
        """Wait for a message; None where none comes for `TICK_S`.

        Raises:
            LinkLostError: The phone is gone, or what comes is no message.
            TransportTimeoutError: A message does not end.
        """
        data = self._read(HEADER_BYTES, TICK_S)
        if not data:
            return None
        header = decode_header(data)
        payload = bytearray()
        give_up_at_s = time.monotonic() + _TRANSFER_LIMIT_S
        while len(payload) < header.payload_bytes:
            payload += self._read(header.payload_bytes - len(payload), TICK_S)
            if time.monotonic() > give_up_at_s:
                raise TransportTimeoutError(
                    f"Expected {self._serial} to end a message within {_TRANSFER_LIMIT_S:g} s; it did not; "
                    "check the cable and connect again"
                )
        return header.message(bytes(payload))

    def explain(self, exc: Exception) -> DeviceError:
        """Return what a failure of the port means."""
        cause = _libusb_error(exc)
        code, serial = getattr(cause, "value", None), self._serial
        if code == _BUSY:
            return DeviceBusyError(
                f"Expected to have {serial} on USB alone; another program has it, most likely an adb server; "
                "run `adb kill-server`, or take --transport adbutils"
            )
        if code == _ACCESS:
            return not_permitted(serial)
        if code == _TIMEOUT:
            return TransportTimeoutError(
                f"Expected {serial} to answer on USB within its time limit; it did not; "
                "unlock it, or plug it in again"
            )
        reason = "it was unplugged" if code == _NO_DEVICE else str(cause)
        return LinkLostError(
            f"Expected the USB connection to {serial} to last; got: {reason}; plug the phone in and try again"
        )

    def _read(self, numbytes: int, limit_s: float) -> bytes:
        """What comes in time, maybe nothing."""
        try:
            return self._port.bulk_read(numbytes, limit_s)
        except UsbReadFailedError as exc:
            cause = _libusb_error(exc)
            if getattr(cause, "value", None) == _TIMEOUT:
                # What arrived before the time was up would be lost with the error.
                return bytes(getattr(cause, "received", b""))
            raise self.explain(exc) from exc


def not_permitted(serial: str) -> AuthenticationError:
    """Return the error of a phone that this user may not use over USB."""
    return AuthenticationError(
        f"Expected to be allowed to use {serial} over USB; the system refuses it; "
        "add a udev rule for the phone or join the group plugdev, then plug it in again"
    )


def _libusb_error(exc: Exception) -> Any:
    """What libusb said, which adb-shell's errors carry along."""
    if isinstance(exc, UsbReadFailedError | UsbWriteFailedError) and exc.args[-1] is not None:
        return exc.args[-1]
    return exc
