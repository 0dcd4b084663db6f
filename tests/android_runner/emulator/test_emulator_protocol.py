"""ADB's messages: framing, checksums, limits, and what is refused."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from android_runner.emulator.protocol import (
    HEADER_BYTES,
    VERSION_SKIP_CHECKSUM,
    Command,
    Header,
    Message,
    ProtocolError,
    check_payload,
    decode_header,
    encode,
    payload_checksum,
)

WORD = st.integers(0, 2**32 - 1)


def test_commands_are_their_letters() -> None:
    for command in Command:
        assert struct.pack("<I", command) == command.name.encode()


@given(st.sampled_from(Command), WORD, WORD, st.binary(max_size=64))
def test_what_is_encoded_is_decoded(command: Command, arg0: int, arg1: int, payload: bytes) -> None:
    data = encode(Message(command, arg0, arg1, payload))
    header = decode_header(data[:HEADER_BYTES], limit_bytes=64)
    assert header == Header(command, arg0, arg1, len(payload), sum(payload))
    check_payload(header, data[HEADER_BYTES:], peer_version=0)


def test_a_message_known_byte_by_byte() -> None:
    data = encode(Message(Command.OKAY, 1, 2, b"\x01\xff"))
    assert data == bytes.fromhex("4f4b4159 01000000 02000000 02000000 00010000 b0b4bea6 01ff")


def test_checksum_is_the_sum_of_bytes_modulo_a_word() -> None:
    assert payload_checksum(b"") == 0
    assert payload_checksum(b"\xff" * 1000) == 255_000


@given(st.binary(min_size=HEADER_BYTES, max_size=HEADER_BYTES))
def test_noise_is_refused(noise: bytes) -> None:
    # 24 random bytes with a right magic and a known command are not found by chance.
    with pytest.raises(ProtocolError):
        decode_header(noise, limit_bytes=1 << 30)


@pytest.mark.parametrize("size", [0, HEADER_BYTES - 1, HEADER_BYTES + 1])
def test_headers_of_another_size_are_refused(size: int) -> None:
    with pytest.raises(ProtocolError, match="header of 24 bytes"):
        decode_header(bytes(size), limit_bytes=64)


def test_an_unknown_command_with_right_magic_is_refused() -> None:
    word = int.from_bytes(b"SYNC", "little")
    with pytest.raises(ProtocolError, match="known command"):
        decode_header(struct.pack("<6I", word, 0, 0, 0, 0, word ^ 0xFFFFFFFF), limit_bytes=64)


def test_the_payload_limit_itself_is_allowed_and_one_more_is_not() -> None:
    data = encode(Message(Command.WRTE, 1, 1, bytes(64)))[:HEADER_BYTES]
    assert decode_header(data, limit_bytes=64).payload_bytes == 64
    with pytest.raises(ProtocolError, match="at most 63 bytes; got 64"):
        decode_header(data, limit_bytes=63)


def test_only_old_peers_checksums_are_verified() -> None:
    header = Header(Command.WRTE, 1, 1, 2, checksum=0)
    check_payload(header, b"ab", peer_version=VERSION_SKIP_CHECKSUM)
    with pytest.raises(ProtocolError, match="checksum"):
        check_payload(header, b"ab", peer_version=VERSION_SKIP_CHECKSUM - 1)
