"""ADB's messages over USB: which transfers are made, what comes in which pieces, and what failures mean."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from adb_shell.exceptions import UsbReadFailedError, UsbWriteFailedError

from android_runner import usb_packets
from android_runner.adb_messages import OKAY, WRTE, Message, encode_header
from android_runner.errors import (
    AuthenticationError,
    DeviceBusyError,
    DeviceError,
    LinkLostError,
    TransportTimeoutError,
)
from android_runner.usb_packets import UsbPackets

PACKET_BYTES = 512
IO, ACCESS, NO_DEVICE, BUSY, TIMEOUT = -1, -3, -4, -6, -7


class UsbError(Exception):
    """As usb1.USBError."""

    def __init__(self, value: int, received: bytes = b"") -> None:
        super().__init__(f"[{value}]")
        self.value, self.received = value, received


class ScriptedPort:
    """Reads what a test has laid down, a timeout where there is nothing more; keeps what is written."""

    def __init__(self, *reads: bytes | UsbError) -> None:
        self.reads: deque[bytes | UsbError] = deque(reads)
        self.written: list[bytes] = []
        self.failure: UsbError | None = None
        self.short = 0
        self.closed = False

    def connect(self, _limit_s: float | None) -> None:
        if self.failure is not None:
            raise self.failure

    def bulk_read(self, numbytes: int, _limit_s: float | None) -> bytes:
        read = self.reads.popleft() if self.reads else UsbError(TIMEOUT)
        if isinstance(read, UsbError):
            raise UsbReadFailedError("Could not receive data", read)
        assert len(read) <= numbytes
        return read

    def bulk_write(self, data: bytes, _limit_s: float | None) -> int:
        if self.failure is not None:
            raise UsbWriteFailedError("Could not send data", self.failure)
        self.written.append(data)
        return len(data) - self.short

    def close(self) -> None:
        self.closed = True


def packets(port: ScriptedPort) -> UsbPackets:
    return UsbPackets(port, PACKET_BYTES, "R5CT")


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 1024, 16_384])
def test_a_transfer_that_fills_its_packets_is_ended_by_an_empty_one(size: int) -> None:
    port, message = ScriptedPort(), Message(WRTE, 1, 2, bytes(size))
    packets(port).send(message)
    header, *payload = port.written
    assert header == encode_header(message) and len(header) == 24
    ending = [b""] if size and size % PACKET_BYTES == 0 else []
    assert payload == ([message.payload, *ending] if size else [])


def test_messages_come_in_whatever_pieces() -> None:
    large, small = Message(WRTE, 1, 2, b"x" * 1024), Message(OKAY, 3, 4)
    timeout = UsbError(TIMEOUT)
    port = ScriptedPort(
        encode_header(large),
        large.payload[:512],
        timeout,
        UsbError(TIMEOUT, large.payload[512:700]),  # what came before the time was up
        large.payload[700:],
        b"",  # where the phone ends a full transfer
        encode_header(small),
    )
    phone = packets(port)
    assert phone.receive() == large
    assert phone.receive() is None
    assert phone.receive() == small
    assert phone.receive() is None


@pytest.mark.parametrize(
    "reads",
    [
        (b"half a header",),
        (bytes(24),),
        (encode_header(Message(WRTE, 1, 2, b"four")), b"eins"),
        (encode_header(Message(WRTE, 1, 2, b"four")), UsbError(NO_DEVICE)),
    ],
)
def test_what_is_no_message_ends_the_link(reads: tuple[Any, ...]) -> None:
    with pytest.raises(LinkLostError):
        packets(ScriptedPort(*reads)).receive()


def test_a_message_that_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usb_packets, "_TRANSFER_LIMIT_S", 0.05)
    with pytest.raises(TransportTimeoutError, match="check the cable"):
        packets(ScriptedPort(encode_header(Message(WRTE, 1, 2, b"four")), b"fo")).receive()


def test_what_a_former_connection_left_is_thrown_away() -> None:
    port = ScriptedPort(b"x" * 512, b"left", encode_header(Message(OKAY, 1, 2)))
    phone = packets(port)
    phone.connect(1.0)
    assert not port.reads
    phone.close()
    assert port.closed


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        (BUSY, DeviceBusyError, "`adb kill-server`, or take --transport adbutils"),
        (ACCESS, AuthenticationError, "udev rule"),
        (NO_DEVICE, LinkLostError, "it was unplugged"),
        (TIMEOUT, TransportTimeoutError, "unlock it"),
        (IO, LinkLostError, r"\[-1\]; plug"),
    ],
)
def test_what_failures_mean(code: int, error: type[DeviceError], said: str) -> None:
    port = ScriptedPort()
    port.failure = UsbError(code)
    for call in (lambda: packets(port).connect(1.0), lambda: packets(port).send(Message(OKAY, 1, 2))):
        with pytest.raises(error, match=said):
            call()


def test_a_fault_of_the_program_is_not_explained_away() -> None:
    class Broken(ScriptedPort):
        def connect(self, _limit_s: float | None) -> None:
            raise TypeError("a fault")

    with pytest.raises(TypeError, match="a fault"):
        packets(Broken()).connect(1.0)


def test_a_transfer_that_is_cut_short() -> None:
    port = ScriptedPort()
    port.short = 1
    with pytest.raises(LinkLostError, match="took 23 of 24 bytes"):
        packets(port).send(Message(OKAY, 1, 2))
