"""Several processes on one USB connection: their streams stay apart, and nobody is held up by another."""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from android_runner.adb_messages import CLSE, OKAY, OPEN, WRTE, Message, encode, receive
from android_runner.errors import LinkLostError
from android_runner.usb_relay import UsbRelay

TIMEOUT_S = 10.0


class ScriptedPhone:
    """What `UsbPackets` is to the relay."""

    def __init__(self) -> None:
        self.incoming: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self.sent: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self.gone = False

    def receive(self) -> Message | None:
        try:
            message = self.incoming.get(timeout=0.05)
        except queue.Empty:
            return None
        if message is None:
            self.gone = True
            raise LinkLostError("Expected the phone to stay; it did not; look for it")
        return message

    def send(self, message: Message) -> None:
        if self.gone:
            raise LinkLostError("Expected the phone to stay; it did not; look for it")
        self.sent.put(message)

    def next_sent(self) -> Message:
        return self.sent.get(timeout=TIMEOUT_S)


class Running:
    """A relay at work, and clients for it."""

    def __init__(self, folder: Path, idle_s: float) -> None:
        self.phone = ScriptedPhone()
        self._path = str(folder / "relay")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self._path)
        self._listener.listen()
        relay = UsbRelay(self.phone, 4096, self._listener, idle_s)  # type: ignore[arg-type]
        self.thread = threading.Thread(target=relay.run)
        self.thread.start()
        self._clients: list[socket.socket] = []

    def client(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(TIMEOUT_S)
        client.connect(self._path)
        greeting = b""
        while not greeting.endswith(b"\n"):
            greeting += client.recv(1)
        assert json.loads(greeting) == {"max_payload_bytes": 4096}
        self._clients.append(client)
        return client

    def open(self, client: socket.socket, number: int, phone_number: int) -> int:
        """Open a stream; return the relay's number for it."""
        client.sendall(encode(Message(OPEN, number, 0, b"shell:\0")))
        opened = self.phone.next_sent()
        assert (opened.command, opened.arg1, opened.payload) == (OPEN, 0, b"shell:\0")
        self.phone.incoming.put(Message(OKAY, phone_number, opened.arg0))
        assert receive(client) == Message(OKAY, phone_number, number)
        return opened.arg0

    def end(self) -> None:
        for client in self._clients:
            client.close()
        self.phone.incoming.put(None)
        self.thread.join(TIMEOUT_S)
        assert not self.thread.is_alive()
        self._listener.close()


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path, idle_s=TIMEOUT_S)
    yield running
    running.end()


def test_streams_of_two_clients_with_the_same_number_stay_apart(relay: Running) -> None:
    one, two = relay.client(), relay.client()
    first, second = relay.open(one, 1, 71), relay.open(two, 1, 72)
    assert first != second
    for client, ours, phones, text in ((one, first, 71, b"for one"), (two, second, 72, b"for two")):
        relay.phone.incoming.put(Message(WRTE, phones, ours, text))
        assert receive(client) == Message(WRTE, phones, 1, text)
        client.sendall(encode(Message(OKAY, 1, phones)))
        assert relay.phone.next_sent() == Message(OKAY, ours, phones)
    relay.phone.incoming.put(Message(CLSE, 71, first))
    assert receive(one) == Message(CLSE, 71, 1)
    # The number is free again, and is another stream then.
    assert relay.open(one, 1, 73) not in (first, second)


def test_the_streams_of_a_client_that_goes_are_closed(relay: Running) -> None:
    one, two = relay.client(), relay.client()
    ours, kept = relay.open(one, 1, 71), relay.open(two, 1, 72)
    one.sendall(encode(Message(OPEN, 2, 0, b"sync:\0")))
    unanswered = relay.phone.next_sent().arg0
    one.close()
    assert relay.phone.next_sent() == Message(CLSE, ours, 71)
    relay.phone.incoming.put(Message(OKAY, 73, unanswered))
    assert relay.phone.next_sent() == Message(CLSE, unanswered, 73)
    relay.phone.incoming.put(Message(WRTE, 72, kept, b"still there"))
    assert receive(two) == Message(WRTE, 72, 1, b"still there")


def test_what_comes_for_a_stream_that_was_just_closed_is_answered(relay: Running) -> None:
    client = relay.client()
    ours = relay.open(client, 5, 71)
    client.sendall(encode(Message(CLSE, 5, 71)))
    assert relay.phone.next_sent() == Message(CLSE, ours, 71)
    relay.phone.incoming.put(Message(WRTE, 71, ours, b"late"))
    assert relay.phone.next_sent() == Message(CLSE, ours, 71)
    relay.phone.incoming.put(Message(CLSE, 71, ours))  # needs no answer
    client.sendall(encode(Message(OKAY, 5, 71)))  # nor may this reach another's stream
    again = relay.open(client, 6, 74)
    assert again != ours


def test_a_client_that_does_not_read_holds_up_nobody(relay: Running) -> None:
    """TVM may stop all threads of a process while it waits for the tunnel's, which is a client too."""
    stopped, working = relay.client(), relay.client()
    asleep, awake = relay.open(stopped, 1, 71), relay.open(working, 1, 72)
    for _ in range(64):
        relay.phone.incoming.put(Message(WRTE, 71, asleep, bytes(1 << 16)))
    relay.phone.incoming.put(Message(WRTE, 72, awake, b"through"))
    assert receive(working) == Message(WRTE, 72, 1, b"through")


def test_clients_learn_of_a_phone_that_goes(relay: Running) -> None:
    one, two = relay.client(), relay.client()
    relay.open(one, 1, 71)
    relay.phone.incoming.put(None)
    assert receive(one) is None and receive(two) is None
    relay.thread.join(TIMEOUT_S)
    assert not relay.thread.is_alive()


def test_it_ends_when_nobody_needs_it(tmp_path: Path) -> None:
    running = Running(tmp_path, idle_s=0.1)
    client = running.client()
    running.open(client, 1, 71)
    running.thread.join(0.8)
    assert running.thread.is_alive()
    client.close()
    running.thread.join(TIMEOUT_S)
    assert not running.thread.is_alive()
    running.end()


def test_a_client_that_speaks_no_adb_is_shown_out(relay: Running) -> None:
    stranger, client = relay.client(), relay.client()
    stranger.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    with suppress(ConnectionResetError):
        assert stranger.recv(1) == b""
    relay.open(client, 1, 71)
