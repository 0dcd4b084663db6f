"""The tracker speaks with TVM's own client, and forgets who is gone."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

import pytest
import tvm.rpc

from android_runner.errors import TrackerError
from android_runner.rack.tracker import Tracker
from android_runner.rack.tracker_client import (
    Lease,
    TrackerAddress,
    TrackerClient,
    parse_address,
    parse_rack,
)
from android_runner.rack.tracker_protocol import MAGIC, Code, receive_json, send_json


@pytest.fixture
def tracker() -> Iterator[Tracker]:
    with Tracker(port=0) as running:
        yield running


def connect(tracker: Tracker) -> TrackerClient:
    return TrackerClient(TrackerAddress("127.0.0.1", tracker.port))


def wait_until(condition: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up_at
        time.sleep(0.02)


def test_an_offer_goes_to_who_asks_and_to_nobody_else(tracker: Tracker) -> None:
    with connect(tracker) as agent, connect(tracker) as user:
        agent.offer("a76", 4000, "a76:1")
        agent.offer("a76", 4001, "a76:2")
        assert agent.pending() == ["a76:1", "a76:2"]
        assert user.request("a76", 10) == Lease("127.0.0.1", 4000, "a76:1")
        assert agent.pending() == ["a76:2"]
        assert user.request("a76", 10) == Lease("127.0.0.1", 4001, "a76:2")
        assert user.request("a76", 0.1) is None


def test_who_waits_gets_the_next_offer(tracker: Tracker) -> None:
    with connect(tracker) as agent, connect(tracker) as user, connect(tracker) as watcher:
        leases: list[Lease | None] = []
        asking = threading.Thread(target=lambda: leases.append(user.request("x1", 30)))
        asking.start()
        wait_until(lambda: watcher.summary()["queue_info"].get("x1") == {"free": 0, "pending": 1})
        agent.offer("a76", 1, "a76:1")
        agent.offer("x1", 2, "x1:1")
        asking.join()
        assert leases == [Lease("127.0.0.1", 2, "x1:1")]


def test_who_is_gone_offers_nothing_and_takes_nothing(tracker: Tracker) -> None:
    with connect(tracker) as agent, connect(tracker) as watcher:
        with connect(tracker) as gone:
            gone.describe({"key": "server:a76", "addr": [None, 1]})
            gone.offer("a76", 1, "a76:gone")
            assert watcher.summary()["server_info"] == [{"key": "server:a76", "addr": ["127.0.0.1", 1]}]
        wait_until(lambda: not watcher.summary()["server_info"])
        assert connect(tracker).request("a76", 0.1) is None
        wait_until(lambda: watcher.summary()["queue_info"]["a76"]["pending"] == 0)
        agent.offer("a76", 2, "a76:here")
        assert watcher.request("a76", 10) == Lease("127.0.0.1", 2, "a76:here")


def test_tvms_own_client_sees_the_same(tracker: Tracker) -> None:
    with connect(tracker) as agent:
        agent.describe({"key": "server:a76", "addr": [None, 4000]})
        agent.offer("a76", 4000, "a76:1")
        theirs = tvm.rpc.connect_tracker("127.0.0.1", tracker.port)
        assert theirs.summary()["queue_info"] == {"a76": {"free": 1, "pending": 0}}
        assert "127.0.0.1:4000" in theirs.text_summary()
        theirs.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        struct.pack("<ii", MAGIC, -5),
        struct.pack("<ii", MAGIC, 2) + b"{}",
        struct.pack("<ii", MAGIC, 4) + b"[99]",
        struct.pack("<ii", MAGIC, 3) + b"[3]",
        struct.pack("<ii", MAGIC, 3) + b"\xff\xff\xff",
    ],
)
def test_other_words_end_the_connection_alone(tracker: Tracker, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", tracker.port), 10) as stranger:
        stranger.sendall(sent)
        assert stranger.recv(100) in (b"", struct.pack("<i", MAGIC))
        assert stranger.recv(100) == b""
    with connect(tracker) as client:
        assert client.summary() == {"queue_info": {}, "server_info": []}


def test_nobody_stops_it_from_outside(tracker: Tracker) -> None:
    with socket.create_connection(("127.0.0.1", tracker.port), 10) as stranger:
        stranger.sendall(struct.pack("<i", MAGIC))
        assert stranger.recv(4) == struct.pack("<i", MAGIC)
        send_json(stranger, [Code.PING])
        assert receive_json(stranger) == Code.SUCCESS
        send_json(stranger, [Code.STOP, "key"])
        assert receive_json(stranger) == Code.FAIL
    with connect(tracker) as client:
        assert client.pending() == []


def test_a_tracker_that_is_gone_is_named(tracker: Tracker) -> None:
    with connect(tracker) as client:
        tracker.close()
        with pytest.raises(TrackerError, match="groupnet tracker"):
            client.summary()
        with pytest.raises(TrackerError, match="groupnet tracker"):
            connect(tracker)


def test_a_port_that_is_taken_is_named(tracker: Tracker) -> None:
    with pytest.raises(TrackerError, match="--port"):
        Tracker(tracker.port)


def test_something_else_is_no_tracker() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP")

        other = threading.Thread(target=answer)
        other.start()
        with pytest.raises(TrackerError, match="something else"):
            TrackerClient(TrackerAddress("127.0.0.1", listener.getsockname()[1]))
        other.join()


def test_addresses() -> None:
    assert parse_address("127.0.0.1:9190") == TrackerAddress("127.0.0.1", 9190)
    for text in ("", "9190", "host:", "host:70000", "a b:1"):
        with pytest.raises(TrackerError, match="HOST:PORT"):
            parse_address(text)


def test_racks() -> None:
    assert parse_rack("tracker:127.0.0.1:9190/a76") == (TrackerAddress("127.0.0.1", 9190), "a76")
    for spec in ("tracker:127.0.0.1:9190", "tracker:127.0.0.1:9190/", "tracker:"):
        with pytest.raises(TrackerError, match="tracker:HOST:PORT/KEY"):
            parse_rack(spec)
    with pytest.raises(TrackerError, match="HOST:PORT"):
        parse_rack("tracker:9190/a76")
