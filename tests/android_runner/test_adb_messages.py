"""ADB messages: what goes out comes in, and nothing malformed gets through."""

import socket
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_runner.adb_messages import MAX_RECEIVED_BYTES, OKAY, WRTE, Message, encode, receive
from android_runner.errors import LinkLostError

WORDS = st.integers(0, 2**32 - 1)


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    near.settimeout(5.0)
    yield near, far
    near.close()
    far.close()


@given(command=WORDS, arg0=WORDS, arg1=WORDS, payload=st.binary(max_size=300))
def test_round_trip(command: int, arg0: int, arg1: int, payload: bytes) -> None:
    near, far = socket.socketpair()
    with near, far:
        message = Message(command, arg0, arg1, payload)
        far.sendall(encode(message))
        assert receive(near) == message


def test_the_header_is_that_of_the_protocol() -> None:
    assert encode(Message(WRTE, 1, 2, b"\xff\x01")) == (
        b"WRTE"
        + bytes([1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 0, 1, 0, 0])
        + bytes(b ^ 255 for b in b"WRTE")
        + b"\xff\x01"
    )


def test_an_end_between_messages_is_no_error(pair: tuple[socket.socket, socket.socket]) -> None:
    near, far = pair
    far.sendall(encode(Message(OKAY, 1, 2)))
    far.close()
    assert receive(near) == Message(OKAY, 1, 2)
    assert receive(near) is None


def corrupt(message: bytes, at: int) -> bytes:
    return message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :]


@pytest.mark.parametrize(
    "raw",
    [
        corrupt(encode(Message(WRTE, 1, 2, b"data")), 23),  # magic
        corrupt(encode(Message(WRTE, 1, 2, b"data")), 16),  # checksum
        corrupt(encode(Message(WRTE, 1, 2, b"data")), 24),  # payload
        encode(Message(WRTE, 1, 2, bytes(MAX_RECEIVED_BYTES + 1)))[:24],
        encode(Message(WRTE, 1, 2, b"data"))[:-1],
        encode(Message(WRTE, 1, 2, b"data"))[:10],
    ],
)
def test_malformed_messages_are_refused(pair: tuple[socket.socket, socket.socket], raw: bytes) -> None:
    near, far = pair
    far.sendall(raw)
    far.close()
    with pytest.raises(LinkLostError):
        receive(near)
