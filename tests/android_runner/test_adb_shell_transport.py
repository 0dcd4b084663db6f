"""The transport against the emulated phone: shell, files, tunnels, and what goes wrong with them."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from android_runner.adb_keys import generate_key
from android_runner.adb_shell_transport import AdbShellTransport
from android_runner.emulator.phone import EmulatedPhone, start_phone, stop_phone
from android_runner.errors import (
    AuthenticationError,
    DeviceFullError,
    LinkLostError,
    NoSuchDeviceError,
    RefusedPortError,
    RemoteCommandError,
    RemoteFileError,
    TransportTimeoutError,
)

pytestmark = pytest.mark.phone

FOLDER = PurePosixPath("/data/local/tmp/transport test")
LIMIT_S = 20.0


@pytest.fixture
def folder(transport: AdbShellTransport) -> Iterator[PurePosixPath]:
    """A folder on the phone, with a blank in its name."""
    transport.shell(f"mkdir -p '{FOLDER}'", timeout_s=LIMIT_S)
    yield FOLDER
    transport.shell(f"rm -rf '{FOLDER}'", timeout_s=LIMIT_S)


def listing(transport: AdbShellTransport, folder: PurePosixPath) -> list[str]:
    return transport.shell(f"ls -A '{folder}'", timeout_s=LIMIT_S).stdout.split()


def test_shell_keeps_outputs_apart_and_tells_the_exit_code(transport: AdbShellTransport) -> None:
    result = transport.shell("echo out; echo err >&2; exit 3", timeout_s=LIMIT_S, check=False)
    assert (result.exit_code, result.stdout, result.stderr) == (3, "out\n", "err\n")
    assert transport.shell("cat", timeout_s=LIMIT_S).stdout == ""  # standard input is empty
    assert transport.shell("true", timeout_s=LIMIT_S).exit_code == 0


def test_a_failed_command_is_an_error(transport: AdbShellTransport) -> None:
    with pytest.raises(RemoteCommandError, match="exit code 5: broken") as caught:
        transport.shell("echo broken >&2; exit 5", timeout_s=LIMIT_S)
    assert (caught.value.exit_code, caught.value.stderr) == (5, "broken\n")


def test_long_output_arrives_whole(transport: AdbShellTransport) -> None:
    count = 200_000
    text = transport.shell(f"seq {count}; seq {count} >&2", timeout_s=LIMIT_S)
    assert text.stdout == text.stderr == "".join(f"{i}\n" for i in range(1, count + 1))


def test_a_command_that_takes_too_long(transport: AdbShellTransport) -> None:
    with pytest.raises(TransportTimeoutError, match=r"`sleep 30` within 0\.2 s"):
        transport.shell("sleep 30", timeout_s=0.2)
    assert transport.shell("echo alive", timeout_s=LIMIT_S).stdout == "alive\n"


def test_calls_from_several_threads(transport: AdbShellTransport) -> None:
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
    transport: AdbShellTransport, folder: PurePosixPath, tmp_path: Path, size: int
) -> None:
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(size))
    transport.push(source, folder / "file's name", timeout_s=LIMIT_S)
    transport.pull(folder / "file's name", back, timeout_s=LIMIT_S)
    assert back.read_bytes() == source.read_bytes()
    assert transport.shell(f"ls -A '{folder}'", timeout_s=LIMIT_S).stdout == "file's name\n"


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o755])
def test_push_sets_the_mode(
    transport: AdbShellTransport, folder: PurePosixPath, tmp_path: Path, mode: int
) -> None:
    (tmp_path / "file").write_text("x")
    transport.push(tmp_path / "file", folder / "file", mode=mode, timeout_s=LIMIT_S)
    assert transport.shell(f"stat -c %a '{folder / 'file'}'", timeout_s=LIMIT_S).stdout.strip() == f"{mode:o}"


def test_a_refused_push_leaves_the_old_file(
    transport: AdbShellTransport, folder: PurePosixPath, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("new")
    transport.shell(f"mkdir '{folder}/target'; echo old > '{folder}/target/file'", timeout_s=LIMIT_S)
    with pytest.raises((RemoteFileError, RemoteCommandError)):
        transport.push(tmp_path / "file", folder / "target" / "file" / "below", timeout_s=LIMIT_S)
    assert transport.shell(f"cat '{folder}/target/file'", timeout_s=LIMIT_S).stdout == "old\n"
    assert listing(transport, folder) == ["target"]


def test_a_missing_file_cannot_be_pulled(transport: AdbShellTransport, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("kept")
    with pytest.raises(RemoteFileError, match="read /data/local/tmp/absent"):
        transport.pull(PurePosixPath("/data/local/tmp/absent"), tmp_path / "kept", timeout_s=LIMIT_S)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_text() == "kept"


def test_a_full_disk_is_named_and_left_clean(state_dir: Path, tmp_path: Path) -> None:
    phone = start_phone(cpu="cortex-a53", name="full", state_dir=state_dir, disk_limit_bytes=1 << 20)
    try:
        (tmp_path / "large").write_bytes(os.urandom(4 << 20))
        transport = AdbShellTransport.connect("127.0.0.1", phone.port, phone.key, LIMIT_S)
        target = PurePosixPath("/data/local/tmp/large")
        with pytest.raises(DeviceFullError, match="free some"):
            transport.push(tmp_path / "large", target, timeout_s=LIMIT_S)
        assert listing(transport, target.parent) == []
        (tmp_path / "small").write_bytes(bytes(1000))
        transport.push(tmp_path / "small", target, timeout_s=LIMIT_S)
        transport.close()
    finally:
        stop_phone("full", state_dir)


def test_a_tunnel_to_a_closed_port_is_refused(transport: AdbShellTransport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        free_port = server.getsockname()[1]
    with (
        pytest.raises(RefusedPortError, match=str(free_port)),
        transport.tunnel(free_port, timeout_s=LIMIT_S),
    ):
        pass


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


def test_after_closing_nothing_works_and_no_thread_stays(runner_phone: EmulatedPhone) -> None:
    before = threading.active_count()
    transport = AdbShellTransport.connect("127.0.0.1", runner_phone.port, runner_phone.key, LIMIT_S)
    transport.shell("true", timeout_s=LIMIT_S)
    transport.close()
    assert threading.active_count() == before
    with pytest.raises(LinkLostError, match="closed"):
        transport.shell("true", timeout_s=LIMIT_S)
