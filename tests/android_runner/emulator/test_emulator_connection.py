"""The handshake and the streams, as honest and as dishonest clients see them."""

import struct
from pathlib import Path

import pytest
from emulator_client import BareDaemon, RawClient, sign

from android_runner.adb_keys import generate_key
from android_runner.emulator.auth import MAX_ATTEMPTS
from android_runner.emulator.connection import MAX_STREAMS
from android_runner.emulator.protocol import (
    MAX_HANDSHAKE_BYTES,
    MAX_PAYLOAD_BYTES,
    VERSION,
    AuthKind,
    Command,
    Message,
    encode,
)
from android_runner.emulator.stream import MAX_UNREAD_BYTES


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stranger") / "key"
    generate_key(path, name="stranger")
    return path


def test_a_known_key_gets_in_and_is_told_what_the_phone_is(bare_daemon: BareDaemon) -> None:
    with RawClient(bare_daemon.port) as raw:
        answer = raw.connect(bare_daemon.key)
    assert (answer.command, answer.arg0, answer.arg1) == (Command.CNXN, VERSION, MAX_PAYLOAD_BYTES)
    assert answer.payload.startswith(b"device::ro.product.name=")
    assert b"features=shell_v2,stat_v2,ls_v2" in answer.payload


def test_an_unknown_key_gets_new_challenges_and_no_stream(bare_daemon: BareDaemon, stranger: Path) -> None:
    with RawClient(bare_daemon.port) as raw:
        tokens = set()
        challenge = raw.greet()
        for _ in range(3):
            assert (challenge.command, challenge.arg0) == (Command.AUTH, AuthKind.TOKEN)
            tokens.add(challenge.payload)
            raw.send(Command.AUTH, AuthKind.SIGNATURE, 0, sign(stranger, challenge.payload))
            challenge = raw.receive()
        assert len(tokens) == 3
        # Offering the key itself is not answered: nobody is there to agree.
        public = Path(f"{stranger}.pub").read_bytes()
        raw.send(Command.AUTH, AuthKind.PUBLIC_KEY, 0, public + b"\0")
        raw.send(Command.OPEN, 1, 0, b"shell:id\0")
        assert raw.receive_end()


def test_the_right_key_is_accepted_after_a_wrong_one(bare_daemon: BareDaemon, stranger: Path) -> None:
    with RawClient(bare_daemon.port) as raw:
        raw.send(Command.AUTH, 0, 0)
        assert raw.receive_end()
    with RawClient(bare_daemon.port) as raw:
        challenge = raw.connect(stranger)
        raw.send(Command.AUTH, AuthKind.SIGNATURE, 0, sign(bare_daemon.key, challenge.payload))
        assert raw.receive().command is Command.CNXN


def test_guessing_ends(bare_daemon: BareDaemon) -> None:
    with RawClient(bare_daemon.port) as raw:
        raw.greet()
        for _ in range(MAX_ATTEMPTS - 1):
            raw.send(Command.AUTH, AuthKind.SIGNATURE, 0, bytes(256))
            assert raw.receive().arg0 == AuthKind.TOKEN
        raw.send(Command.AUTH, AuthKind.SIGNATURE, 0, bytes(256))
        assert raw.receive_end()


def header(command: int, length: int, *, magic: int | None = None) -> bytes:
    return struct.pack("<6I", command, 1, 1, length, 0, command ^ 0xFFFFFFFF if magic is None else magic)


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        header(Command.CNXN, 0, magic=0),
        header(0x434E5953, 0),
        header(Command.CNXN, MAX_HANDSHAKE_BYTES + 1),
        encode(Message(Command.OPEN, 1, 0, b"shell:id\0")),
        encode(Message(Command.CNXN, VERSION, 0, b"host::")),
    ],
    ids=["http", "magic", "command", "too long", "open first", "takes nothing"],
)
def test_malformed_greetings_end_the_connection(bare_daemon: BareDaemon, data: bytes) -> None:
    with RawClient(bare_daemon.port) as raw:
        raw.socket.sendall(data)
        assert raw.receive_end()


def test_an_old_peers_wrong_checksum_ends_the_connection_and_a_new_peers_does_not(
    bare_daemon: BareDaemon,
) -> None:
    for version, ended in ((VERSION - 1, True), (VERSION, False)):
        with RawClient(bare_daemon.port) as raw:
            raw.connect(bare_daemon.key, version=version)
            message = bytearray(encode(Message(Command.OPEN, 1, 0, b"shell:echo hi\0")))
            message[16] ^= 1
            raw.socket.sendall(message)
            if ended:
                assert raw.receive_end()
            else:
                assert raw.receive().command is Command.OKAY


@pytest.mark.parametrize(
    "message",
    [
        Message(Command.OPEN, 0, 0, b"shell:id\0"),
        Message(Command.OPEN, 1, 0, b"shell:\xff\xfe\0"),
        Message(Command.CNXN, VERSION, 4096, b"host::"),
        Message(Command.AUTH, AuthKind.TOKEN, 0, bytes(20)),
    ],
    ids=["no number", "no text", "second greeting", "our own word"],
)
def test_nonsense_after_the_handshake_ends_the_connection(client: RawClient, message: Message) -> None:
    client.socket.sendall(encode(message))
    assert client.receive_end()


def test_a_payload_above_the_limit_ends_the_connection(client: RawClient) -> None:
    client.socket.sendall(header(Command.WRTE, MAX_PAYLOAD_BYTES + 1))
    assert client.receive_end()


def test_a_broken_connection_leaves_the_others_alone(bare_daemon: BareDaemon, client: RawClient) -> None:
    with RawClient(bare_daemon.port) as other:
        other.connect(bare_daemon.key)
        local, remote = client.open("shell:cat")
        other.socket.sendall(b"\xff" * 24)
        assert other.receive_end()
        client.write(local, remote, b"still here")
        assert client.read(local, remote, 10) == b"still here"


@pytest.mark.parametrize(
    "service", ["nonsense:", "", "tcp:0", "tcp:70000", "tcp:x", "tcp:80:example.org", "jdwp:1"]
)
def test_unknown_services_are_refused_at_once(client: RawClient, service: str) -> None:
    _, remote = client.open(service)
    assert remote == 0
    assert client.shell("exit 3")[0] == 3


def test_messages_for_streams_that_are_gone(client: RawClient) -> None:
    client.send(Command.OKAY, 5, 999)
    client.send(Command.CLSE, 5, 999)
    client.send(Command.WRTE, 5, 999, b"late")
    assert client.receive() == Message(Command.CLSE, 0, 5)
    assert client.shell("exit 4")[0] == 4


def test_streams_are_limited_and_given_back(client: RawClient) -> None:
    opened = [client.open("sync:") for _ in range(MAX_STREAMS)]
    assert all(remote for _, remote in opened)
    assert client.open("sync:")[1] == 0
    local, remote = opened.pop()
    client.send(Command.CLSE, local, remote)
    assert client.receive() == Message(Command.CLSE, remote, local)
    assert client.open("sync:")[1] != 0


def test_data_is_not_sent_before_the_last_is_acknowledged(client: RawClient) -> None:
    client.open("exec:head -c 400000 /dev/zero")
    assert client.receive().command is Command.WRTE
    client.socket.settimeout(0.2)
    with pytest.raises(TimeoutError):
        client.receive()


def test_a_client_that_never_waits_is_stopped(client: RawClient) -> None:
    local, remote = client.open("shell:sleep 30")
    payload = bytes(MAX_PAYLOAD_BYTES)
    with pytest.raises((BrokenPipeError, ConnectionResetError, AssertionError)):
        for _ in range(4 * MAX_UNREAD_BYTES // MAX_PAYLOAD_BYTES):
            client.send(Command.WRTE, local, remote, payload)
        assert not client.receive_end()


def test_empty_data_is_acknowledged_and_nothing_else(client: RawClient) -> None:
    local, remote = client.open("shell:cat")
    assert client.write(local, remote, b"") == []
    client.write(local, remote, b"x")
    assert client.read(local, remote, 1) == b"x"


def test_two_streams_do_not_wait_for_each_other(client: RawClient) -> None:
    stuck, stuck_remote = client.open("exec:head -c 400000 /dev/zero")
    assert client.receive().command is Command.WRTE
    assert client.shell("echo past")[1] == b"past\n"
    client.send(Command.OKAY, stuck, stuck_remote)
    assert client.receive().command is Command.WRTE
