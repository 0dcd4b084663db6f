"""What every transport promises, shown for each of them on one emulated phone; see `Transport`."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import pytest
from fake_usb import FakeUsb, UsbPhone, fake_usb

from android_runner.adb_routes import UsbRoute
from android_runner.adb_shell_transport import AdbShellTransport
from android_runner.adb_transport import AdbTransport
from android_runner.adbutils_transport import AdbutilsTransport
from android_runner.emulator.phone import EmulatedPhone, start_phone, stop_phone
from android_runner.emulator.private_adb_server import PrivateAdbServer
from android_runner.errors import (
    DeviceFullError,
    LinkLostError,
    RefusedPortError,
    RemoteCommandError,
    RemoteFileError,
    TransportTimeoutError,
)
from android_runner.transport import Transport

pytestmark = pytest.mark.phone

FOLDER = PurePosixPath("/data/local/tmp/transport test")
LIMIT_S = 20.0
KINDS = ["adb-shell", "adb-shell on USB", "adbutils"]

Connect = Callable[[str, EmulatedPhone], Transport]


@pytest.fixture(scope="module")
def usb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeUsb]:
    with fake_usb(tmp_path_factory.mktemp("usb")) as usb:
        yield usb


@pytest.fixture(scope="module")
def connect(adb_server: PrivateAdbServer, usb: FakeUsb) -> Connect:
    def connect(kind: str, phone: EmulatedPhone) -> Transport:
        if kind == "adb-shell":
            return AdbShellTransport.connect("127.0.0.1", phone.port, phone.key, LIMIT_S)
        if kind == "adb-shell on USB":
            serial = f"USB{phone.port}"
            usb.plug([UsbPhone(serial, phone.port)])
            return AdbTransport.along(UsbRoute(serial, str(phone.key)), LIMIT_S)
        adb_server.trust(phone)
        return AdbutilsTransport.connect(phone.serial, adb_server.port, LIMIT_S)

    return connect


@pytest.fixture(scope="module", params=KINDS)
def transport(
    request: pytest.FixtureRequest, runner_phone: EmulatedPhone, connect: Connect
) -> Iterator[Transport]:
    """One connection of each kind for all tests."""
    opened = connect(request.param, runner_phone)
    yield opened
    opened.close()


@pytest.fixture
def folder(transport: Transport) -> Iterator[PurePosixPath]:
    """A folder on the phone, with a blank in its name."""
    transport.shell(f"mkdir -p '{FOLDER}'", timeout_s=LIMIT_S)
    yield FOLDER
    transport.shell(f"rm -rf '{FOLDER}'", timeout_s=LIMIT_S)


def listing(transport: Transport, folder: PurePosixPath) -> list[str]:
    return transport.shell(f"ls -A '{folder}'", timeout_s=LIMIT_S).stdout.split()


def test_shell_keeps_outputs_apart_and_tells_the_exit_code(transport: Transport) -> None:
    result = transport.shell("echo out; echo err >&2; exit 3", timeout_s=LIMIT_S, check=False)
    assert (result.exit_code, result.stdout, result.stderr) == (3, "out\n", "err\n")
    assert transport.shell("cat", timeout_s=LIMIT_S).stdout == ""  # standard input is empty
    assert transport.shell("true", timeout_s=LIMIT_S).exit_code == 0


def test_a_failed_command_is_an_error(transport: Transport) -> None:
    with pytest.raises(RemoteCommandError, match="exit code 5: broken") as caught:
        transport.shell("echo broken >&2; exit 5", timeout_s=LIMIT_S)
    assert (caught.value.exit_code, caught.value.stderr) == (5, "broken\n")


def test_long_output_arrives_whole(transport: Transport) -> None:
    count = 200_000
    text = transport.shell(f"seq {count}; seq {count} >&2", timeout_s=LIMIT_S)
    assert text.stdout == text.stderr == "".join(f"{i}\n" for i in range(1, count + 1))


def test_a_command_that_takes_too_long(transport: Transport) -> None:
    with pytest.raises(TransportTimeoutError, match=r"`sleep 30` within 0\.2 s"):
        transport.shell("sleep 30", timeout_s=0.2)
    assert transport.shell("echo alive", timeout_s=LIMIT_S).stdout == "alive\n"


def test_calls_from_several_threads(transport: Transport) -> None:
    answers: dict[int, str] = {}

    def ask(number: int) -> None:
        answers[number] = transport.shell(f"echo {number}", timeout_s=LIMIT_S).stdout

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: f"{number}\n" for number in range(8)}


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 3_000_001])
def test_files_go_there_and_back_unaltered(
    transport: Transport, folder: PurePosixPath, tmp_path: Path, size: int
) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(size))
    transport.push(source, folder / "file's name", timeout_s=LIMIT_S)
    transport.pull(folder / "file's name", back, timeout_s=LIMIT_S)
    assert back.read_bytes() == source.read_bytes()
    assert transport.shell(f"ls -A '{folder}'", timeout_s=LIMIT_S).stdout == "file's name\n"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_push_sets_the_mode(transport: Transport, folder: PurePosixPath, tmp_path: Path, mode: int) -> None:
    (tmp_path / "file").write_text("x")
    transport.push(tmp_path / "file", folder / "file", mode=mode, timeout_s=LIMIT_S)
    assert transport.shell(f"stat -c %a '{folder / 'file'}'", timeout_s=LIMIT_S).stdout.strip() == f"{mode:o}"


def test_a_refused_push_leaves_the_old_file(
    transport: Transport, folder: PurePosixPath, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("new")
    transport.shell(f"mkdir '{folder}/target'; echo old > '{folder}/target/file'", timeout_s=LIMIT_S)
    with pytest.raises((RemoteFileError, RemoteCommandError)):
        transport.push(tmp_path / "file", folder / "target" / "file" / "below", timeout_s=LIMIT_S)
    assert transport.shell(f"cat '{folder}/target/file'", timeout_s=LIMIT_S).stdout == "old\n"
    assert listing(transport, folder) == ["target"]


def test_a_missing_file_cannot_be_pulled(transport: Transport, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    with pytest.raises(RemoteFileError, match="read /data/local/tmp/absent"):
        transport.pull(PurePosixPath("/data/local/tmp/absent"), tmp_path / "kept", timeout_s=LIMIT_S)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_text() == "kept"


def test_a_tunnel_to_a_closed_port_is_refused(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free_port = server.getsockname()[1]
    with (
        pytest.raises(RefusedPortError, match=str(free_port)),
        transport.tunnel(free_port, timeout_s=LIMIT_S),
    ):
        pass


def echo(connection: socket.socket) -> None:
    with connection:
        while data := connection.recv(1 << 16):
            connection.sendall(data)


def test_a_tunnel_carries_much_data_both_ways(transport: Transport) -> None:
    sent = os.urandom(1_500_000)
    with socket.create_server(("127.0.0.1", 0)) as server:  # the phone's loopback is this machine's
        answering = threading.Thread(target=lambda: echo(server.accept()[0]))
        answering.start()
        with (
            transport.tunnel(server.getsockname()[1], timeout_s=LIMIT_S) as port,
            socket.create_connection(("127.0.0.1", port), LIMIT_S) as connection,
        ):
            sending = threading.Thread(target=connection.sendall, args=(sent,))
            sending.start()
            got = bytearray()
            while len(got) < len(sent) and (part := connection.recv(1 << 16)):
                got += part
            sending.join()
        assert bytes(got) == sent
        answering.join(LIMIT_S)


def test_an_overdue_answer_ends_the_connection(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with (
            transport.tunnel(server.getsockname()[1], timeout_s=LIMIT_S, answer_timeout_s=0.2) as port,
            socket.create_connection(("127.0.0.1", port), LIMIT_S) as connection,
        ):
            connection.sendall(b"anybody there?")
            assert connection.recv(1) == b""
        server.accept()[0].close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_is_named_and_left_clean(
    kind: str, state_dir: Path, tmp_path: Path, connect: Connect
) -> None:
    name = f"full-{KINDS.index(kind)}"
    phone = start_phone(cpu="cortex-a53", name=name, state_dir=state_dir, disk_limit_bytes=1 << 20)
    try:
        (tmp_path / "large").write_bytes(os.urandom(4 << 20))
        transport = connect(kind, phone)
        target = PurePosixPath("/data/local/tmp/large")
        with pytest.raises(DeviceFullError, match="free some"):
            transport.push(tmp_path / "large", target, timeout_s=LIMIT_S)
        assert listing(transport, target.parent) == []
        (tmp_path / "small").write_bytes(bytes(1000))
        transport.push(tmp_path / "small", target, timeout_s=LIMIT_S)
        transport.close()
    finally:
        stop_phone(name, state_dir)


@pytest.mark.parametrize("kind", KINDS)
def test_after_closing_nothing_works_and_no_thread_stays(
    kind: str, runner_phone: EmulatedPhone, connect: Connect
) -> None:
    before = threading.active_count()
    transport = connect(kind, runner_phone)
    transport.shell("true", timeout_s=LIMIT_S)
    transport.close()
    assert threading.active_count() == before
    with pytest.raises(LinkLostError, match="closed"):
        transport.shell("true", timeout_s=LIMIT_S)
