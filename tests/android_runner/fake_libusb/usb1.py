"""Stands in for libusb1: phones on USB that are emulated phones' daemons, with USB's packets in between.

What adb-shell's `UsbTransport` uses of usb1 is here and nothing else. The phones are told by the file that
`$FAKE_USB` names, see `fake_usb.py`. `SERIAL.lock` beside it is locked by whoever has claimed the phone.

As with a phone's adbd before September 2024, a header is a transfer of its own, a transfer ends with a packet
that is not full, or with 16 KiB; else it waits for the rest, and what comes then is too long.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CLASS_VENDOR_SPEC = 0xFF
ENDPOINT_DIR_MASK = 0x80
PACKET_BYTES = 512
BLOCK_BYTES = 16 * 1024
HEADER_BYTES = 24
IN, OUT = 0x81, 0x02


class USBError(Exception):
    """As usb1's: `value` is libusb's number."""

    value = -99

    def __str__(self) -> str:
        return f"{type(self).__name__} [{self.value}]"


class USBErrorIO(USBError):
    value = -1


class USBErrorAccess(USBError):
    value = -3


class USBErrorNoDevice(USBError):
    value = -4


class USBErrorNotFound(USBError):
    value = -5


class USBErrorBusy(USBError):
    value = -6


class USBErrorTimeout(USBError):
    value = -7
    received = b""


class USBErrorOverflow(USBError):
    value = -8


class USBContext:
    def open(self) -> USBContext:
        return self

    def getDeviceIterator(self, skip_on_error: bool) -> Iterator[Device]:
        assert skip_on_error
        told = os.environ.get("FAKE_USB")
        phones = json.loads(Path(told).read_text()) if told else []
        return iter([Device(Path(told or ""), phone) for phone in phones])


class Device:
    def __init__(self, told: Path, about: dict[str, Any]) -> None:
        self._told, self._about = told, about

    def iterSettings(self) -> Iterator[Setting]:
        return iter([Setting(0x08, 0x06, 0x50), Setting(CLASS_VENDOR_SPEC, 0x42, 0x01)])

    def getSerialNumber(self) -> str:
        if self._about["serial"] is None:
            raise USBErrorAccess
        return str(self._about["serial"])

    def getBusNumber(self) -> int:
        return 1

    def getPortNumberList(self) -> list[int]:
        return [2]

    def open(self) -> Handle:
        if self._about.get("fault") == "access":
            raise USBErrorAccess
        return Handle(self._told.with_name(f"{self._about['serial']}.lock"), self._about)


class Setting:
    def __init__(self, *kind: int) -> None:
        self._kind = kind

    def getClass(self) -> int:
        return self._kind[0]

    def getSubClass(self) -> int:
        return self._kind[1]

    def getProtocol(self) -> int:
        return self._kind[2]

    def getNumber(self) -> int:
        return 1

    def iterEndpoints(self) -> Iterator[Endpoint]:
        return iter([Endpoint(IN), Endpoint(OUT)])


class Endpoint:
    def __init__(self, address: int) -> None:
        self._address = address

    def getAddress(self) -> int:
        return self._address

    def getMaxPacketSize(self) -> int:
        return PACKET_BYTES


class Handle:
    def __init__(self, lock: Path, about: dict[str, Any]) -> None:
        self._about = about
        self._lock = lock.open("w")
        self._daemon: socket.socket | None = None
        self._arrived = bytearray()
        self._packets: deque[bytes] = deque()
        self._block = bytearray()
        self._missing: int | None = None  # of a payload; None: a header comes next

    def kernelDriverActive(self, _interface: int) -> bool:
        return False

    def claimInterface(self, _interface: int) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise USBErrorBusy from None
        self._daemon = socket.create_connection(("127.0.0.1", self._about["port"]), 5.0)
        # Else a payload would wait for its header's acknowledgement, for 40 ms.
        self._daemon.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._packets.extend(_packets(b"s" * self._about.get("stale", 0), True))

    def releaseInterface(self, _interface: int) -> None:
        if self._daemon is not None:
            self._daemon.close()

    def close(self) -> None:
        self._lock.close()

    def bulkRead(self, endpoint: int, length: int, timeout: int = 0) -> bytearray:
        assert endpoint == IN and timeout > 0
        give_up_at_s = time.monotonic() + timeout / 1e3
        read = bytearray()
        while True:
            while self._packets:
                packet = self._packets.popleft()
                if len(read) + len(packet) > length:
                    raise USBErrorOverflow
                read += packet
                if len(packet) < PACKET_BYTES or len(read) == length:
                    return read
            if not self._receive(give_up_at_s - time.monotonic()):
                error = USBErrorTimeout()
                error.received = bytes(read)
                raise error

    def bulkWrite(self, endpoint: int, data: bytes, timeout: int = 0) -> int:
        assert endpoint == OUT and timeout > 0
        for packet in _packets(data, len(data) == 0):
            self._block += packet
            if len(packet) < PACKET_BYTES or len(self._block) == BLOCK_BYTES:
                block, self._block = bytes(self._block), bytearray()
                self._take(block)
        return len(data)

    def _take(self, block: bytes) -> None:
        """A transfer has ended on the phone."""
        if not block:
            return
        if self._missing is None:
            if len(block) != HEADER_BYTES:
                raise USBErrorIO  # adbd: received packet of unexpected length while reading header
            self._missing = struct.unpack_from("<I", block, 12)[0]
        elif len(block) > self._missing:
            raise USBErrorIO  # adbd: received too many bytes while waiting for payload
        else:
            self._missing -= len(block)
        self._missing = self._missing or None
        try:
            _connected(self._daemon).sendall(block)
        except OSError:
            raise USBErrorNoDevice from None

    def _receive(self, limit_s: float) -> bool:
        """Wait for something of the daemon; whether there was."""
        daemon = _connected(self._daemon)
        if not select.select([daemon], [], [], max(0.0, limit_s))[0]:
            return False
        try:
            data = daemon.recv(1 << 18)
        except OSError:
            data = b""
        if not data:
            raise USBErrorNoDevice
        self._arrived += data
        while len(self._arrived) >= HEADER_BYTES:
            size = HEADER_BYTES + struct.unpack_from("<I", self._arrived, 12)[0]
            if len(self._arrived) < size:
                break
            message = bytes(self._arrived[:size])
            del self._arrived[:size]
            self._packets.append(message[:HEADER_BYTES])
            if size > HEADER_BYTES:
                ends_empty = bool(self._about.get("empty_packets"))
                self._packets.extend(_packets(message[HEADER_BYTES:], ends_empty))
        return True


def _packets(data: bytes, ends_empty: bool) -> list[bytes]:
    cut = [data[at : at + PACKET_BYTES] for at in range(0, len(data), PACKET_BYTES)]
    return [*cut, b""] if ends_empty and len(data) % PACKET_BYTES == 0 else cut


def _connected(daemon: socket.socket | None) -> socket.socket:
    if daemon is None:
        raise USBErrorNoDevice
    return daemon
