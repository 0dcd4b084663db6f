"""Tunnels: data both ways, several at once, ends, overdue answers, and no process or thread left."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from android_runner.adb_shell_transport import AdbShellTransport

pytestmark = pytest.mark.phone

LIMIT_S = 20.0
Handler = Callable[[socket.socket], None]


@pytest.fixture
def serve() -> Iterator[Callable[[Handler], int]]:
    """Return a function that starts a server on the phone's loopback, which is this machine's."""
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(handle: Handler) -> int:
        listener = socket.create_server(("127.0.0.1", 0))

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threads.append(threading.Thread(target=answer, args=(connection,)))
                threads[-1].start()

        def answer(connection: socket.socket) -> None:
            with connection:
                handle(connection)

        threads.append(threading.Thread(target=accept))
        threads[-1].start()
        listeners.append(listener)
        port: int = listener.getsockname()[1]
        return port

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(LIMIT_S)
        assert not thread.is_alive()


def echo(connection: socket.socket) -> None:
    while data := connection.recv(1 << 16):
        connection.sendall(data)


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), LIMIT_S)


def receive_all(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size and (part := connection.recv(1 << 16)):
        data += part
    return bytes(data)


def test_much_data_both_ways_at_once(transport: AdbShellTransport, serve: Callable[[Handler], int]) -> None:
    sent = os.urandom(3_000_000)
    with transport.tunnel(serve(echo), timeout_s=LIMIT_S) as port, connect(port) as connection:
        sender = threading.Thread(target=connection.sendall, args=(sent,))
        sender.start()
        assert receive_all(connection, len(sent)) == sent
        sender.join()


def test_several_connections_at_once(transport: AdbShellTransport, serve: Callable[[Handler], int]) -> None:
    with transport.tunnel(serve(echo), timeout_s=LIMIT_S) as port:
        connections = [connect(port) for _ in range(5)]
        for number, connection in enumerate(connections):
            connection.sendall(b"%d" % number)
        for number, connection in reversed(list(enumerate(connections))):
            assert connection.recv(10) == b"%d" % number
            connection.close()


def test_the_far_end_is_seen_after_its_last_words(
    transport: AdbShellTransport, serve: Callable[[Handler], int]
) -> None:
    words = os.urandom(1_000_000)
    with (
        transport.tunnel(serve(lambda c: c.sendall(words)), timeout_s=LIMIT_S) as port,
        connect(port) as connection,
    ):
        assert receive_all(connection, len(words) + 1) == words


def test_the_near_end_is_seen_after_its_last_words(
    transport: AdbShellTransport, serve: Callable[[Handler], int]
) -> None:
    words, heard = os.urandom(1_000_000), bytearray()
    done = threading.Event()

    def listen(connection: socket.socket) -> None:
        while data := connection.recv(1 << 16):
            heard.extend(data)
        done.set()

    with transport.tunnel(serve(listen), timeout_s=LIMIT_S) as port:
        with connect(port) as connection:
            connection.sendall(words)
        assert done.wait(LIMIT_S)
    assert bytes(heard) == words


def test_an_overdue_answer_ends_the_connection(
    transport: AdbShellTransport, serve: Callable[[Handler], int]
) -> None:
    def stay_silent(connection: socket.socket) -> None:
        while connection.recv(100):
            pass

    def answer_once(connection: socket.socket) -> None:
        connection.sendall(connection.recv(100))
        connection.recv(100)

    port_there = serve(stay_silent)
    with (
        transport.tunnel(port_there, timeout_s=LIMIT_S, answer_timeout_s=0.1) as port,
        connect(port) as silent,
    ):
        silent.sendall(b"question")
        assert silent.recv(100) == b""
    port_there = serve(answer_once)
    with (
        transport.tunnel(port_there, timeout_s=LIMIT_S, answer_timeout_s=0.1) as port,
        connect(port) as answered,
    ):
        answered.sendall(b"question")
        assert answered.recv(100) == b"question"
        # Nothing is owed now, however long nobody speaks.
        answered.settimeout(0.5)
        with pytest.raises(TimeoutError):
            answered.recv(100)


def test_closing_ends_open_connections(transport: AdbShellTransport, serve: Callable[[Handler], int]) -> None:
    with transport.tunnel(serve(echo), timeout_s=LIMIT_S) as port:
        connection = connect(port)
        connection.sendall(b"x")
        assert connection.recv(1) == b"x"
    assert connection.recv(1) == b""
    connection.close()
    with pytest.raises(ConnectionRefusedError):
        connect(port)


def children() -> set[str]:
    with open(f"/proc/{os.getpid()}/task/{os.getpid()}/children") as file:
        return set(file.read().split())


def test_no_process_stays_even_after_an_error(
    transport: AdbShellTransport, serve: Callable[[Handler], int]
) -> None:
    before, threads = children(), threading.active_count()
    port_there = serve(echo)
    with pytest.raises(KeyboardInterrupt), transport.tunnel(port_there, timeout_s=LIMIT_S):
        assert children() > before
        raise KeyboardInterrupt
    started = time.monotonic()
    while children() != before and time.monotonic() - started < LIMIT_S:
        time.sleep(0.01)
    assert children() == before
    assert threading.active_count() == threads + 1  # the test's own server
