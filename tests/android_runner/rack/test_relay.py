"""Bytes are carried both ways, the token is shown to the phone alone, and who ended a session is known."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from android_runner.rack.relay import Relay, shows_key
from android_runner.rack.tracker_protocol import receive_bytes

RPC_MAGIC = 0xFF271
TOKEN = "0123456789abcdef" * 2
LIMIT_S = 30


def greeting(key: bytes) -> bytes:
    return struct.pack("<ii", RPC_MAGIC, len(key)) + key


@contextmanager
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        mine = socket.create_connection(listener.getsockname(), LIMIT_S)
        theirs, _ = listener.accept()
    theirs.settimeout(LIMIT_S)
    with mine, theirs:
        yield mine, theirs


@pytest.mark.parametrize("key", [b"client:a76:1", b"client:a76:1 -timeout=30"])
def test_a_client_with_the_key_is_let_in(key: bytes) -> None:
    with pair() as (client, ours):
        client.sendall(greeting(key))
        assert shows_key(ours, "a76:1")


@pytest.mark.parametrize("key", [b"client:a76:2", b"server:a76:1", b"a76:1"])
def test_another_key_is_refused_in_tvms_words(key: bytes) -> None:
    with pair() as (client, ours):
        client.sendall(greeting(key))
        assert not shows_key(ours, "a76:1")
        assert client.recv(4) == struct.pack("<i", RPC_MAGIC + 2)


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP", struct.pack("<ii", RPC_MAGIC, 1 << 30)])
def test_strangers_are_refused(sent: bytes) -> None:
    with pair() as (client, ours):
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        assert not shows_key(ours, "a76:1")


@contextmanager
def session() -> Iterator[tuple[Relay, socket.socket, socket.socket]]:
    """A relay, the client's end and the phone's."""
    with pair() as (client, ours), socket.create_server(("127.0.0.1", 0)) as listener:
        accepted: list[socket.socket] = []
        accepting = threading.Thread(target=lambda: accepted.append(listener.accept()[0]))
        accepting.start()
        relay = Relay(ours, listener.getsockname()[1], TOKEN)
        accepting.join()
        (phone,) = accepted
        with phone:
            phone.settimeout(LIMIT_S)
            try:
                yield relay, client, phone
            finally:
                relay.close()


def test_the_token_goes_to_the_phone_and_bytes_go_both_ways() -> None:
    with session() as (relay, client, phone):
        expected = greeting(f"client:{TOKEN}".encode())
        assert receive_bytes(phone, len(expected)) == expected
        for one, other in ((client, phone), (phone, client)):
            one.sendall(bytes(range(256)) * 4000)
            assert receive_bytes(other, 1024000) == bytes(range(256)) * 4000
        assert not relay.wait(0)


def test_the_client_ends_a_session() -> None:
    with session() as (relay, client, _):
        client.close()
        assert relay.wait(LIMIT_S)
        assert not relay.ended_by_phone


def test_the_phone_ends_a_session() -> None:
    with session() as (relay, client, phone):
        phone.close()
        assert relay.wait(LIMIT_S)
        assert relay.ended_by_phone
        assert client.recv(1) == b""
