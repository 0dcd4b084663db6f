"""Tunnels both ways."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
from emulator_client import TIMEOUT_S, RawClient

from android_runner.emulator.protocol import Command


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A server that sends back what it gets and ends when its peer does."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(TIMEOUT_S)

    def serve() -> None:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(TIMEOUT_S)
            while data := connection.recv(65536):
                if data == b"bye":
                    return
                connection.sendall(data)

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(TIMEOUT_S)


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.mark.parametrize("form", ["tcp:{}", "tcp:{}:localhost", "tcp:{}:127.0.0.1"])
def test_bytes_through_a_tunnel_come_back(client: RawClient, echo_port: int, form: str) -> None:
    local, remote = client.open(form.format(echo_port))
    data = bytes(range(256)) * 500
    seen = b"".join(client.write(local, remote, data))
    assert seen + client.read(local, remote, len(data) - len(seen)) == data
    client.send(Command.CLSE, local, remote)
    assert client.receive().command is Command.CLSE


def test_the_servers_end_closes_the_stream(client: RawClient, echo_port: int) -> None:
    local, remote = client.open(f"tcp:{echo_port}")
    client.write(local, remote, b"bye")
    assert client.read_all(local, remote) == b""


def test_a_port_where_nothing_listens_is_refused_at_once(client: RawClient, free_port: int) -> None:
    client.socket.settimeout(2.0)
    assert client.open(f"tcp:{free_port}")[1] == 0


def test_a_reverse_tunnel(client: RawClient) -> None:
    local, remote = client.open("reverse:forward:tcp:0;tcp:7777")
    answer = client.read_all(local, remote)
    assert answer[:8] == b"OKAY" + b"%04x" % (len(answer) - 8)
    port = int(answer[8:])
    local, remote = client.open("reverse:list-forward")
    assert client.read_all(local, remote)[4:] == b"emulator tcp:%d tcp:7777\n" % port

    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as program:
        opened = client.receive()
        assert (opened.command, opened.arg1, opened.payload) == (Command.OPEN, 0, b"tcp:7777\0")
        client.send(Command.OKAY, 77, opened.arg0)
        program.sendall(b"from the phone")
        assert client.read(77, opened.arg0, 14) == b"from the phone"
        client.write(77, opened.arg0, b"from the host")
        assert program.recv(100) == b"from the host"
        client.send(Command.CLSE, 77, opened.arg0)
        assert program.recv(100) == b""
    assert client.receive().command is Command.CLSE

    # A client that refuses: the program's connection ends.
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as program:
        opened = client.receive()
        client.send(Command.CLSE, 0, opened.arg0)
        assert program.recv(100) == b""

    local, remote = client.open(f"reverse:killforward:tcp:{port}")
    assert client.read_all(local, remote) == b"OKAY"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), TIMEOUT_S)


def test_reverse_rebinding(client: RawClient, free_port: int) -> None:
    for request, answer in (
        (f"forward:tcp:{free_port};tcp:1", b"OKAY"),
        (f"forward:tcp:{free_port};tcp:2", b"OKAY"),
        (f"forward:norebind:tcp:{free_port};tcp:3", b"FAIL"),
        ("killforward:tcp:1", b"FAIL"),
        ("forward:tcp:99999;tcp:1", b"FAIL"),
        ("forward:localabstract:x;tcp:1", b"FAIL"),
        ("nonsense", b"FAIL"),
    ):
        local, remote = client.open(f"reverse:{request}")
        assert client.read_all(local, remote)[:4] == answer, request
    local, remote = client.open("reverse:list-forward")
    assert client.read_all(local, remote)[4:] == b"emulator tcp:%d tcp:2\n" % free_port
    local, remote = client.open("reverse:killforward-all")
    assert client.read_all(local, remote) == b"OKAY"


def test_reverse_ports_close_with_the_connection(client: RawClient) -> None:
    local, remote = client.open("reverse:forward:tcp:0;tcp:7777")
    port = int(client.read_all(local, remote)[8:])
    client.socket.shutdown(socket.SHUT_WR)
    assert client.receive_end()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
