"""The way straight to the phone: who is let in, and what else may listen there."""

import socket
import threading
from pathlib import Path

import pytest

from android_runner.adb_keys import generate_key
from android_runner.adb_shell_transport import AdbShellTransport
from android_runner.emulator.phone import EmulatedPhone
from android_runner.errors import AuthenticationError, LinkLostError, NoSuchDeviceError

pytestmark = pytest.mark.phone

LIMIT_S = 20.0


def test_an_unknown_key_is_refused(runner_phone: EmulatedPhone, tmp_path: Path) -> None:
    stranger = tmp_path / "stranger"
    generate_key(stranger, name="stranger")
    with pytest.raises(AuthenticationError, match="accept the ADB key"):
        AdbShellTransport.connect("127.0.0.1", runner_phone.port, stranger, 0.5)


def test_a_missing_key_is_explained(runner_phone: EmulatedPhone, tmp_path: Path) -> None:
    with pytest.raises(AuthenticationError, match="adb keygen"):
        AdbShellTransport.connect("127.0.0.1", runner_phone.port, tmp_path / "absent", LIMIT_S)


def test_nothing_listens(runner_phone: EmulatedPhone) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free_port = server.getsockname()[1]
    with pytest.raises(NoSuchDeviceError, match="nothing listens"):
        AdbShellTransport.connect("127.0.0.1", free_port, runner_phone.key, LIMIT_S)


@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_something_else_listens(runner_phone: EmulatedPhone, answer: bytes | None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                if answer:
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(LinkLostError, match="Expected an ADB device"):
            AdbShellTransport.connect("127.0.0.1", server.getsockname()[1], runner_phone.key, LIMIT_S)
        thread.join()
