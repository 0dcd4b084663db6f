"""Other people's ADB clients on an emulated phone: Google's adb, and adb-shell."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import adbutils
import pytest
from adb_shell import constants, exceptions
from adb_shell.adb_device import AdbDeviceTcp
from adb_shell.adb_message import AdbMessage
from adb_shell.auth.sign_pythonrsa import PythonRSASigner

from android_runner.emulator.phone import EmulatedPhone

pytestmark = pytest.mark.phone
TIMEOUT_S = 30.0
TEMPORARY = "/data/local/tmp"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@pytest.fixture
def echo_port() -> Iterator[int]:
    """A server that sends back what it gets, for any number of peers."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            peer.settimeout(TIMEOUT_S)
            with peer:
                while data := peer.recv(65536):
                    peer.sendall(data)

    thread = threading.Thread(target=serve)
    thread.start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(TIMEOUT_S)


Adb = Callable[..., subprocess.CompletedProcess[str]]


def adb_program() -> str:
    path: str = adbutils.adb_path()
    return path


@pytest.fixture(scope="module")
def adb(phones: dict[str, EmulatedPhone], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Adb]:
    """Google's adb with a server, a home and keys of its own; the server is stopped at the end."""
    home = tmp_path_factory.mktemp("adb_home")
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "ANDROID_ADB_SERVER_PORT": str(free_port()),
        "ADB_VENDOR_KEYS": os.pathsep.join(str(phone.key) for phone in phones.values()),
        "ADB_MDNS": "0",
    }
    program = adb_program()

    def run(*arguments: str, serial: str = "", stdin: str = "") -> subprocess.CompletedProcess[str]:
        command = [program, *(["-s", serial] if serial else []), *arguments]
        return subprocess.run(
            command, env=environment, input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S
        )

    try:
        for phone in phones.values():
            assert run("connect", phone.serial).stdout == f"connected to {phone.serial}\n"
        yield run
    finally:
        run("kill-server")


def test_adb_lists_the_phones_by_model(adb: Adb, phones: dict[str, EmulatedPhone]) -> None:
    lines = adb("devices", "-l").stdout.splitlines()[1:-1]
    assert len(lines) == len(phones)
    for phone in phones.values():
        (line,) = [line for line in lines if line.startswith(f"{phone.serial} ")]
        assert " device " in line
        assert "model:Emulated_" in line


def test_adb_tells_exit_codes_and_streams_apart(adb: Adb, phone: EmulatedPhone) -> None:
    done = adb("shell", "cat; echo err >&2; exit 7", serial=phone.serial, stdin="input")
    assert (done.returncode, done.stdout, done.stderr) == (7, "input", "err\n")
    assert adb("exec-out", "printf 'a\\r\\nb'", serial=phone.serial).stdout == "a\nb"
    assert adb("shell", serial=phone.serial, stdin="echo $((6*7))\nexit 5\n").stdout.endswith("42\n")


def test_adb_pushes_and_pulls(adb: Adb, phone: EmulatedPhone, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    data = os.urandom(1_500_000)
    (folder / "sub/random").write_bytes(data)
    (folder / "program").write_text("#!/bin/sh\necho ran $1\n")
    (folder / "program").chmod(0o755)
    assert adb("push", str(folder), f"{TEMPORARY}/adb", serial=phone.serial).returncode == 0
    assert adb("shell", f"{TEMPORARY}/adb/program well", serial=phone.serial).stdout == "ran well\n"
    assert adb("pull", f"{TEMPORARY}/adb", str(tmp_path / "back"), serial=phone.serial).returncode == 0
    assert (tmp_path / "back/sub/random").read_bytes() == data
    assert "sub" in adb("ls", f"{TEMPORARY}/adb", serial=phone.serial).stdout
    # Only what has changed is pushed again.
    (folder / "program").write_text("#!/bin/sh\necho new\n")
    again = adb("push", "--sync", f"{folder}/.", f"{TEMPORARY}/adb", serial=phone.serial)
    assert "1 file pushed, 1 skipped" in again.stdout + again.stderr


def test_adb_is_told_why_a_push_failed(adb: Adb, phones: dict[str, EmulatedPhone], tmp_path: Path) -> None:
    small = phones["cortex-a53"].serial
    (tmp_path / "big").write_bytes(bytes(3 << 20))
    done = adb("push", str(tmp_path / "big"), f"{TEMPORARY}/big", serial=small)
    assert done.returncode != 0
    assert "No space left on device" in done.stdout + done.stderr
    assert adb("shell", f"ls {TEMPORARY}/big", serial=small).returncode != 0
    (tmp_path / "little").write_text("x")
    assert adb("push", str(tmp_path / "little"), f"{TEMPORARY}/little", serial=small).returncode == 0
    done = adb("pull", f"{TEMPORARY}/none", str(tmp_path / "none"), serial=small)
    assert done.returncode != 0
    assert "No such file" in done.stdout + done.stderr


def test_adb_tunnels_both_ways(adb: Adb, phone: EmulatedPhone, echo_port: int) -> None:
    data = os.urandom(100_000)
    forwarded = int(adb("forward", "tcp:0", f"tcp:{echo_port}", serial=phone.serial).stdout)
    reversed_port = int(adb("reverse", "tcp:0", f"tcp:{echo_port}", serial=phone.serial).stdout)
    assert f"tcp:{reversed_port} tcp:{echo_port}" in adb("reverse", "--list", serial=phone.serial).stdout
    for port in (forwarded, reversed_port):
        with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as peer:
            peer.settimeout(TIMEOUT_S)
            peer.sendall(data)
            got = b""
            while len(got) < len(data):
                got += peer.recv(65536)
            assert got == data
    assert adb("reverse", "--remove", f"tcp:{reversed_port}", serial=phone.serial).returncode == 0
    assert adb("reverse", "--list", serial=phone.serial).stdout.strip() == ""
    assert adb("forward", "--remove-all", serial=phone.serial).returncode == 0


def test_adb_sees_a_refused_port_as_a_closed_connection(adb: Adb, phone: EmulatedPhone) -> None:
    forwarded = int(adb("forward", "tcp:0", f"tcp:{free_port()}", serial=phone.serial).stdout)
    with socket.create_connection(("127.0.0.1", forwarded), TIMEOUT_S) as peer:
        peer.settimeout(TIMEOUT_S)
        assert peer.recv(1) == b""


def test_adb_with_another_key_is_unauthorized(phone: EmulatedPhone, tmp_path: Path) -> None:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "ANDROID_ADB_SERVER_PORT": str(free_port()),
        "ADB_MDNS": "0",
    }

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [adb_program(), *arguments], env=environment, capture_output=True, text=True, timeout=TIMEOUT_S
        )
        return done.stdout + done.stderr

    try:
        assert "failed to authenticate" in run("connect", phone.serial)
        assert f"{phone.serial}\tunauthorized" in run("devices")
        assert "unauthorized" in run("-s", phone.serial, "shell", "id")
    finally:
        run("kill-server")


@contextmanager
def adb_shell_connected(phone: EmulatedPhone, *, timeout_s: float = TIMEOUT_S) -> Iterator[Any]:
    """adb-shell's connection to a phone."""
    signer = PythonRSASigner.FromRSAKeyPath(str(phone.key))
    device = AdbDeviceTcp("127.0.0.1", phone.port, default_transport_timeout_s=timeout_s)
    try:
        assert device.connect(rsa_keys=[signer], auth_timeout_s=timeout_s)
        yield device
    finally:
        device.close()


def test_adb_shell_runs_pushes_and_pulls(phone: EmulatedPhone, tmp_path: Path) -> None:
    data = os.urandom(700_001)
    (tmp_path / "data").write_bytes(data)
    with adb_shell_connected(phone) as device:
        # It knows the first version of the shell service only: no exit code, both streams in one.
        assert device.shell("echo out; echo err >&2; (exit 7); echo RC=$?") == "out\nerr\nRC=7\n"
        device.push(str(tmp_path / "data"), f"{TEMPORARY}/adb_shell", st_mode=0o100640)
        device.pull(f"{TEMPORARY}/adb_shell", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == data
        mode, size, _ = device.stat(f"{TEMPORARY}/adb_shell")
        assert (mode, size) == (0o100666, len(data))
        assert "adb_shell" in [entry.filename.decode() for entry in device.list(TEMPORARY)]


def test_adb_shell_is_told_that_the_disk_is_full(phones: dict[str, EmulatedPhone], tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(3 << 20))
    with adb_shell_connected(phones["cortex-a53"]) as device:
        with pytest.raises(exceptions.PushFailedError, match="No space left"):
            device.push(str(tmp_path / "big"), f"{TEMPORARY}/big")
        assert "No such file" in device.shell(f"ls {TEMPORARY}/big")


def test_adb_shell_tunnels(phone: EmulatedPhone, echo_port: int) -> None:
    data = bytes(range(256)) * 4
    with adb_shell_connected(phone) as device:
        # It has no public call for a stream to a port; these are what its own services are made of.
        stream = device._open(f"tcp:{echo_port}".encode(), TIMEOUT_S, TIMEOUT_S, None)
        device._io_manager.send(AdbMessage(constants.WRTE, stream.local_id, stream.remote_id, data), stream)
        assert device._read_until([constants.WRTE], stream)[1] == data
        device._clse(stream)


def test_adb_shell_with_another_key_does_not_get_in(phones: dict[str, EmulatedPhone]) -> None:
    stranger = replace(phones["cortex-a76"], key=phones["cortex-a53"].key)
    refused = (exceptions.DeviceAuthError, exceptions.TcpTimeoutException)
    with pytest.raises(refused), adb_shell_connected(stranger, timeout_s=0.5):
        pass
