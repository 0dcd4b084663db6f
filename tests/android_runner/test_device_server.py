"""The server itself, on the emulated phone: who gets in, what a session may do, and what stays behind."""

import shutil
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tvm.rpc
from phone_state import server_processes, wait_until

from android_runner.adb_shell_transport import AdbShellTransport
from android_runner.emulator.phone import EmulatedPhone
from android_runner.runtime_package import RuntimePackage, describe_runtime
from android_runner.server import (
    DEVICE_ROOT,
    RunningServer,
    ServerLimits,
    device_server,
    install_runtime,
    is_running,
    log_tail,
)

pytestmark = pytest.mark.phone

LIMIT_S = 20.0
MAGIC = 0xFF271
MISMATCH = struct.pack("<i", MAGIC + 2)


@pytest.fixture(scope="module")
def transport(runner_phone: EmulatedPhone) -> Iterator[AdbShellTransport]:
    """One connection for all tests of this file."""
    opened = AdbShellTransport.connect("127.0.0.1", runner_phone.port, runner_phone.key, LIMIT_S)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def server(transport: AdbShellTransport, runtime: RuntimePackage) -> Iterator[RunningServer]:
    """One server for the tests that end none."""
    with device_server(transport, runtime) as running:
        yield running


# The emulated phone's loopback is this machine's, so these need no tunnel.
def connected(server: RunningServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), LIMIT_S)


def session(server: RunningServer) -> tvm.rpc.RPCSession:
    return tvm.rpc.connect("127.0.0.1", server.port, key=server.token)


def frame(key: bytes, magic: int = MAGIC) -> bytes:
    return struct.pack("<ii", magic, len(key)) + key


def test_the_right_token_opens_a_session(server: RunningServer) -> None:
    with connected(server) as connection:
        connection.sendall(frame(b"client:" + server.token.encode()))
        assert connection.recv(8) == struct.pack("<ii", MAGIC, len(b"server:groupnet"))


@pytest.mark.parametrize("key", [b"", b"client:", b"client:" + b"0" * 32, b"server:" + b"0" * 32, b"x" * 256])
def test_another_token_is_refused(transport: AdbShellTransport, server: RunningServer, key: bytes) -> None:
    with connected(server) as connection:
        connection.sendall(frame(key))
        assert connection.recv(8) == MISMATCH
        assert connection.recv(8) == b""
    wait_until(lambda: "wrong token" in log_tail(transport, server))


@pytest.mark.parametrize(
    "raw",
    [
        frame(b"", magic=1),
        struct.pack("<ii", MAGIC, -1),
        struct.pack("<ii", MAGIC, 257),
        b"GET / HTTP/1.1\r\n",
    ],
)
def test_malformed_handshakes_get_no_answer(
    transport: AdbShellTransport, server: RunningServer, raw: bytes
) -> None:
    with connected(server) as connection:
        connection.sendall(raw)
        try:
            assert connection.recv(8) == b""
        except ConnectionResetError:
            pass  # the server had not read all of it
    wait_until(lambda: "malformed handshake" in log_tail(transport, server))


def test_part_of_the_token_is_not_enough(server: RunningServer) -> None:
    for key in (server.token[:-1], server.token + "0", server.token.upper() + "!"):
        with connected(server) as connection:
            connection.sendall(frame(b"client:" + key.encode()))
            assert connection.recv(8) == MISMATCH


def test_only_the_loopback_reaches_it(server: RunningServer) -> None:
    # The emulated phone shares this machine's interfaces: 127.0.0.2 stands for any other address of it.
    with socket.create_connection(("127.0.0.1", server.port), LIMIT_S):
        pass
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", server.port), LIMIT_S)


def test_the_token_is_not_readable_anywhere(transport: AdbShellTransport, server: RunningServer) -> None:
    files = transport.shell(f"ls -A {server.folder}", timeout_s=LIMIT_S).stdout.split()
    assert "token" not in files
    command_line = transport.shell(f"cat /proc/{server.pid}/cmdline", timeout_s=LIMIT_S).stdout
    assert server.folder.name in command_line and server.token not in command_line
    assert transport.shell(f"stat -c %a {server.folder}", timeout_s=LIMIT_S).stdout.strip() == "700"


@pytest.mark.parametrize("mode_and_token", [(0o644, "0" * 32), (0o600, "0" * 31), (0o600, "z" * 32), None])
def test_it_does_not_start_without_a_private_token(
    transport: AdbShellTransport,
    runtime: RuntimePackage,
    tmp_path: Path,
    mode_and_token: tuple[int, str] | None,
) -> None:
    folder = DEVICE_ROOT / "server-test"
    runtime_folder = install_runtime(transport, runtime)
    transport.shell(f"mkdir -p -m 700 {folder}", timeout_s=LIMIT_S)
    if mode_and_token is not None:
        mode, token = mode_and_token
        (tmp_path / "token").write_text(token)
        transport.push(tmp_path / "token", folder / "token", mode=mode, timeout_s=LIMIT_S)
    result = transport.shell(
        f"cd {runtime_folder} && ./ld-linux-aarch64.so.1 --library-path . ./server --folder {folder} "
        f"--idle-s 5 --session-limit-s 5 --memory-limit-bytes 1000000000; rc=$?; rm -rf {folder}; exit $rc",
        timeout_s=LIMIT_S,
        check=False,
    )
    assert result.exit_code == 1
    assert "token" in result.stderr and result.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "--folder relative --idle-s 1 --session-limit-s 1 --memory-limit-bytes 1",
        "--folder /tmp --idle-s 0",
        "--x",
    ],
)
def test_senseless_options_are_refused(
    transport: AdbShellTransport, runtime: RuntimePackage, arguments: str
) -> None:
    result = transport.shell(
        f"cd {install_runtime(transport, runtime)} && "
        f"./ld-linux-aarch64.so.1 --library-path . ./server {arguments}",
        timeout_s=LIMIT_S,
        check=False,
    )
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("server: expected")


@pytest.mark.parametrize(
    "name",
    ["../escaped", "/data/local/tmp/escaped", "a/b", ".hidden", "..", "\0", "a b", "x" * 129, "new\nline"],
)
def test_files_stay_in_the_session_folder(
    transport: AdbShellTransport, server: RunningServer, name: str
) -> None:
    rpc = session(server)
    for call in (
        lambda: rpc.upload(bytearray(b"data"), name),
        lambda: rpc.download(name),
        lambda: rpc.remove(name),
        lambda: rpc.load_module(name),
        lambda: rpc.get_function("groupnet.expect_sha256")(name, "0" * 64, 1),
    ):
        with pytest.raises(Exception, match="expected a plain file name"):
            call()
    assert "escaped" not in transport.shell("ls -R /data/local/tmp", timeout_s=LIMIT_S).stdout


def test_a_session_folder_is_private_and_goes_with_the_session(
    transport: AdbShellTransport, runtime: RuntimePackage
) -> None:
    def folders() -> list[str]:
        names = transport.shell(f"ls {server.folder}", timeout_s=LIMIT_S).stdout.split()
        return [name for name in names if name.startswith("session-")]

    with device_server(transport, runtime) as server:
        first, second = session(server), session(server)
        first.upload(bytearray(b"one"), "file")
        second.upload(bytearray(b"two"), "file")
        assert first.download("file") == b"one"
        assert second.download("file") == b"two"
        assert len(folders()) == 2
        del first, second
        wait_until(lambda: not folders())


def test_nothing_unannounced_or_altered_is_loaded(server: RunningServer, arm64_module: Path) -> None:
    contents = bytearray(arm64_module.read_bytes())
    rpc = session(server)
    rpc.upload(contents, "module.so")
    with pytest.raises(Exception, match="no sha256 announced"):
        rpc.load_module("module.so")
    expect = rpc.get_function("groupnet.expect_sha256")
    expect("module.so", "0" * 64, len(contents))
    with pytest.raises(Exception, match="file altered"):
        rpc.load_module("module.so")
    expect("module.so", "0" * 64, len(contents) + 1)
    with pytest.raises(Exception, match="file truncated"):
        rpc.load_module("module.so")
    expect("absent.so", "0" * 64, 1)
    with pytest.raises(Exception, match="file missing"):
        rpc.load_module("absent.so")


def test_sessions_are_limited_in_number(transport: AdbShellTransport, runtime: RuntimePackage) -> None:
    with device_server(transport, runtime) as server:
        waiting = [connected(server) for _ in range(5)]
        # Four wait for a handshake; the fifth is closed at once.
        assert waiting[-1].recv(1) == b""
        for connection in waiting:
            connection.close()


def test_a_session_that_lives_too_long_is_ended(
    transport: AdbShellTransport, runtime: RuntimePackage
) -> None:
    with device_server(transport, runtime, ServerLimits(session_s=1)) as server:
        rpc = session(server)
        wait_until(lambda: "Alarm clock" in log_tail(transport, server))
        with pytest.raises(Exception, match=r"\w"):  # whichever of TVM's errors says that the socket is dead
            rpc.download("file")


def test_an_idle_session_and_then_its_server_end_and_leave_nothing(
    transport: AdbShellTransport, runtime: RuntimePackage
) -> None:
    with device_server(transport, runtime, ServerLimits(idle_s=1)) as server:
        rpc = session(server)
        assert is_running(transport, server)
        wait_until(lambda: not is_running(transport, server))
        assert transport.shell(f"ls -d {server.folder}", timeout_s=LIMIT_S, check=False).exit_code != 0
        with pytest.raises(Exception, match=r"\w"):  # whichever of TVM's errors says that the socket is dead
            rpc.download("file")


def test_a_killed_server_takes_its_sessions_along_and_is_cleaned_up_later(
    transport: AdbShellTransport, runtime: RuntimePackage
) -> None:
    with device_server(transport, runtime) as killed:
        before = len(server_processes(transport))
        rpc = session(killed)
        rpc.upload(bytearray(b"data"), "file")
        transport.shell(f"kill -9 {killed.pid}", timeout_s=LIMIT_S)
        wait_until(lambda: len(server_processes(transport)) == before - 1)
        with pytest.raises(Exception, match=r"\w"):  # whichever of TVM's errors says that the socket is dead
            rpc.download("file")
        folders = transport.shell(f"ls {DEVICE_ROOT}", timeout_s=LIMIT_S).stdout.split()
        assert killed.folder.name in folders
        with device_server(transport, runtime) as other:
            folders = transport.shell(f"ls {DEVICE_ROOT}", timeout_s=LIMIT_S).stdout.split()
            assert killed.folder.name not in folders and other.folder.name in folders


def test_an_altered_runtime_is_installed_again(transport: AdbShellTransport, runtime: RuntimePackage) -> None:
    folder = install_runtime(transport, runtime)
    transport.shell(f"rm {folder}/libm.so.6; echo other > {folder}/libm.so.6", timeout_s=LIMIT_S)
    with device_server(transport, runtime):
        pass
    digest = transport.shell(f"sha256sum {folder}/libm.so.6", timeout_s=LIMIT_S).stdout.split()[0]
    assert digest == runtime.files["libm.so.6"]


def test_two_sessions_install_a_missing_runtime_at_once(
    transport: AdbShellTransport, runtime: RuntimePackage
) -> None:
    other = DEVICE_ROOT / "runtime-of-another-release"
    transport.shell(f"rm -rf {DEVICE_ROOT}/runtime-*; mkdir {other}", timeout_s=LIMIT_S)
    with ThreadPoolExecutor() as pool:
        folders = list(pool.map(lambda _: install_runtime(transport, runtime), range(2)))
    assert folders[0] == folders[1]
    left = transport.shell(f"ls {DEVICE_ROOT}", timeout_s=LIMIT_S).stdout.split()
    assert [name for name in left if not name.startswith("server-")] == [folders[0].name]
    names = transport.shell(f"ls {folders[0]}", timeout_s=LIMIT_S).stdout.split()
    assert sorted(names) == sorted(runtime.files)


def test_the_runtime_of_a_running_server_is_kept(
    transport: AdbShellTransport, runtime: RuntimePackage, tmp_path: Path
) -> None:
    newer = tmp_path / "newer"
    shutil.copytree(runtime.folder, newer)
    (newer / "extra").write_text("more")
    with device_server(transport, runtime):
        installed = install_runtime(transport, describe_runtime(newer))
        left = transport.shell(f"ls {DEVICE_ROOT}", timeout_s=LIMIT_S).stdout.split()
        assert {installed.name, f"runtime-{runtime.content_hash[:16]}"} <= set(left)
    transport.shell(f"rm -rf {installed}", timeout_s=LIMIT_S)
