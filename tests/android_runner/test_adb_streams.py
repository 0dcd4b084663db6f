"""Streams over one connection: opening, refusing, flow control, closing, and what a lost link does."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from fake_adb_device import FakeAdbDevice

from android_runner.adb_messages import CLSE, OKAY, OPEN, WRTE
from android_runner.adb_streams import AdbStream, AdbStreams
from android_runner.deadline import Deadline
from android_runner.errors import (
    LinkDownError,
    LinkLostError,
    RefusedServiceError,
    TransportTimeoutError,
)

PAYLOAD_BYTES = 8
LIMIT_S = 5.0
REMOTE_ID = 77


def soon() -> Deadline:
    return Deadline(LIMIT_S, "answer the test")


@pytest.fixture
def device() -> Iterator[FakeAdbDevice]:
    fake = FakeAdbDevice()
    yield fake
    fake.close()


@pytest.fixture
def streams(device: FakeAdbDevice) -> Iterator[AdbStreams]:
    before = threading.active_count()
    opened = AdbStreams(device.near, PAYLOAD_BYTES, "fake")
    yield opened
    opened.close()
    assert threading.active_count() == before


@pytest.fixture
def aside() -> Iterator[Callable[..., Future[Any]]]:
    """Return a function that calls another on a thread of its own."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit


def opened(device: FakeAdbDevice, streams: AdbStreams, aside: Callable[..., Future[Any]]) -> AdbStream:
    future = aside(streams.open, "sync:", soon())
    request = device.expect(OPEN, b"sync:\0")
    device.send(OKAY, REMOTE_ID, request.arg0)
    stream: AdbStream = future.result(LIMIT_S)
    return stream


def test_a_refused_service_fails_at_once(device: FakeAdbDevice, streams: AdbStreams, aside: Any) -> None:
    future = aside(streams.open, "tcp:1", soon())
    device.send(CLSE, 0, device.expect(OPEN).arg0)
    with pytest.raises(RefusedServiceError, match="`tcp`"):
        future.result(LIMIT_S)


def test_long_data_goes_in_parts_that_each_wait_for_the_last(
    device: FakeAdbDevice, streams: AdbStreams, aside: Any
) -> None:
    stream = opened(device, streams, aside)
    future = aside(stream.write, b"0123456789abcdef!", soon())
    for part in (b"01234567", b"89abcdef"):
        message = device.expect(WRTE, part)
        assert (message.arg0, message.arg1) == (stream.local_id, REMOTE_ID)
        assert not future.done()
        device.send(OKAY, REMOTE_ID, stream.local_id)
    device.expect(WRTE, b"!")
    future.result(LIMIT_S)
    flushed = aside(stream.flush, soon())
    assert not flushed.done()
    device.send(OKAY, REMOTE_ID, stream.local_id)
    flushed.result(LIMIT_S)


def test_received_data_is_acknowledged_only_when_read(
    device: FakeAdbDevice, streams: AdbStreams, aside: Any
) -> None:
    stream = opened(device, streams, aside)
    device.send(WRTE, REMOTE_ID, stream.local_id, b"hello")
    device.send(CLSE, REMOTE_ID, stream.local_id)
    assert stream.read(soon()) == b"hello"
    assert stream.read(soon()) == b""
    assert stream.has_answer()


def test_data_is_acknowledged(device: FakeAdbDevice, streams: AdbStreams, aside: Any) -> None:
    stream = opened(device, streams, aside)
    assert not stream.has_answer()
    device.send(WRTE, REMOTE_ID, stream.local_id, b"hello")
    assert stream.read(soon()) == b"hello"
    device.expect(OKAY)
    stream.close()
    device.expect(CLSE)
    stream.close()


def test_data_for_a_closed_stream_is_answered_by_closing(
    device: FakeAdbDevice, streams: AdbStreams, aside: Any
) -> None:
    stream = opened(device, streams, aside)
    stream.close()
    device.expect(CLSE)
    device.send(WRTE, REMOTE_ID, stream.local_id, b"late")
    answer = device.expect(CLSE)
    assert answer.arg1 == REMOTE_ID


def test_a_device_that_breaks_flow_control_is_cut_off(
    device: FakeAdbDevice, streams: AdbStreams, aside: Any
) -> None:
    stream = opened(device, streams, aside)
    device.send(WRTE, REMOTE_ID, stream.local_id, b"one")
    device.send(WRTE, REMOTE_ID, stream.local_id, b"two")
    device.expect_end()
    with pytest.raises(LinkLostError, match="flow control"):
        streams.open("sync:", soon())


def test_writing_to_a_closed_stream_fails(device: FakeAdbDevice, streams: AdbStreams, aside: Any) -> None:
    stream = opened(device, streams, aside)
    stream.write(b"first", soon())
    future = aside(stream.write, b"second", soon())
    device.expect(WRTE, b"first")
    device.send(CLSE, REMOTE_ID, stream.local_id)
    with pytest.raises(LinkLostError, match="before it had read everything"):
        future.result(LIMIT_S)


@pytest.mark.parametrize("wait", ["read", "open"])
def test_a_lost_link_ends_every_call(
    device: FakeAdbDevice, streams: AdbStreams, aside: Any, wait: str
) -> None:
    stream = opened(device, streams, aside)
    future = aside(stream.read) if wait == "read" else aside(streams.open, "tcp:1", soon())
    if wait == "open":
        device.expect(OPEN)
    device.far.close()
    with pytest.raises(LinkLostError, match="fake"):
        future.result(LIMIT_S)
    with pytest.raises(LinkLostError):
        streams.open("sync:", soon())


def test_calls_end_when_their_time_is_up(device: FakeAdbDevice, streams: AdbStreams, aside: Any) -> None:
    stream = opened(device, streams, aside)
    with pytest.raises(TransportTimeoutError, match=r"wait within 0\.05 s"):
        stream.read(Deadline(0.05, "wait"))
    with pytest.raises(TransportTimeoutError):
        streams.open("tcp:1", Deadline(0.05, "wait"))
    # The connection itself is unharmed.
    device.send(WRTE, REMOTE_ID, stream.local_id, b"late")
    assert stream.read(soon()) == b"late"


def test_a_device_that_stops_reading_does_not_block_for_ever(device: FakeAdbDevice, aside: Any) -> None:
    streams = AdbStreams(device.near, 1 << 20, "fake")
    stream = opened(device, streams, aside)
    with pytest.raises(TransportTimeoutError):
        for _ in range(8):
            stream.write(bytes(1 << 20), Deadline(0.2, "take data"))
    # Half a message is under way: the connection cannot be used any more.
    with pytest.raises(LinkDownError, match=r"within 0\.2 s"):
        streams.open("sync:", soon())
    streams.close()


def test_closing_ends_waiting_calls(device: FakeAdbDevice, streams: AdbStreams, aside: Any) -> None:
    stream = opened(device, streams, aside)
    future = aside(stream.read)
    streams.close()
    with pytest.raises(LinkLostError, match="closed"):
        future.result(LIMIT_S)
