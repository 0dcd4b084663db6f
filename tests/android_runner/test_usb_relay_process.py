"""A phone on USB, all but the cable: log-in, owners, phones that are unplugged, and who starts what."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_usb import FakeUsb, UsbPhone, fake_usb

from android_runner import devices, usb_relay_process
from android_runner.adb_choice import connect_phone
from android_runner.adb_keys import generate_key
from android_runner.adb_routes import UsbRoute
from android_runner.adb_transport import AdbTransport
from android_runner.devices import open_device
from android_runner.emulator.faulty_link import FaultyLink
from android_runner.emulator.phone import EmulatedPhone
from android_runner.errors import (
    AuthenticationError,
    DeviceBusyError,
    LinkDownError,
    LinkLostError,
    NoSuchDeviceError,
    TransportError,
)
from android_runner.reconnecting import ReconnectingTransport

pytestmark = pytest.mark.phone

LIMIT_S = 20.0
SERIAL = "R5CT1234ABC"


@pytest.fixture
def usb(tmp_path: Path, runner_phone: EmulatedPhone) -> Iterator[FakeUsb]:
    """USB with the emulated phone on it."""
    with fake_usb(tmp_path) as usb:
        usb.plug([UsbPhone(SERIAL, runner_phone.port)])
        yield usb
        wait_until_free(usb)


def wait_until_free(usb: FakeUsb) -> None:
    """Until no process of ours has the phone any more."""
    give_up_at_s = time.monotonic() + LIMIT_S
    with usb.lock(SERIAL).open("w") as lock:
        while True:
            try:
                return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                assert time.monotonic() < give_up_at_s, "a process still has the phone"
                time.sleep(0.05)


def connect(phone: EmulatedPhone, timeout_s: float = LIMIT_S) -> AdbTransport:
    return AdbTransport.along(UsbRoute(SERIAL, str(phone.key)), timeout_s)


def sockets(usb: FakeUsb) -> list[Path]:
    return [path for path in (usb.folder / "groupnet").iterdir() if path.suffix != ".lock"]


@pytest.mark.parametrize("empty_packets", [False, True])
def test_what_a_former_owner_left_does_not_matter(
    usb: FakeUsb, runner_phone: EmulatedPhone, empty_packets: bool
) -> None:
    usb.plug([UsbPhone(SERIAL, runner_phone.port, stale=1000, empty_packets=empty_packets)])
    transport = connect(runner_phone)
    # Lines of 512 and of 1024 bytes fill packets.
    for size in (511, 512, 1024, 16_384):
        assert (
            len(transport.shell(f"head -c {size} /dev/zero | tr '\\0' x", timeout_s=LIMIT_S).stdout) == size
        )
    transport.close()


def test_links_of_all_processes_share_the_phone(usb: FakeUsb, runner_phone: EmulatedPhone) -> None:
    one, two = connect(runner_phone), connect(runner_phone)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            with server.accept()[0] as connection:
                connection.sendall(b"hello")

        answering = threading.Thread(target=greet)
        answering.start()
        # The tunnel is a process of its own, and so a third client.
        with (
            two.tunnel(server.getsockname()[1], timeout_s=LIMIT_S) as port,
            socket.create_connection(("127.0.0.1", port), LIMIT_S) as connection,
        ):
            assert connection.recv(5) == b"hello"
            assert one.shell("echo beside it", timeout_s=LIMIT_S).stdout == "beside it\n"
        answering.join()
    assert len(sockets(usb)) == 1
    one.close()
    assert two.shell("echo alone", timeout_s=LIMIT_S).stdout == "alone\n"
    two.close()
    wait_until_free(usb)
    assert not sockets(usb)


def test_starting_at_once_starts_one(usb: FakeUsb, runner_phone: EmulatedPhone) -> None:
    opened: list[AdbTransport] = []
    threads = [threading.Thread(target=lambda: opened.append(connect(runner_phone))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(opened) == 4 and len(sockets(usb)) == 1
    for transport in opened:
        transport.close()


@pytest.mark.usefixtures("usb")
def test_one_that_is_just_ending_is_waited_for(runner_phone: EmulatedPhone) -> None:
    for _ in range(3):
        transport = connect(runner_phone)
        assert transport.shell("echo here", timeout_s=LIMIT_S).stdout == "here\n"
        transport.close()
        time.sleep(usb_relay_process.IDLE_S)


def test_an_adb_server_that_has_the_phone_is_named(usb: FakeUsb, runner_phone: EmulatedPhone) -> None:
    with usb.lock(SERIAL).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DeviceBusyError, match="`adb kill-server`, or take --transport adbutils"):
            connect(runner_phone)


def test_a_phone_that_may_not_be_opened(usb: FakeUsb, runner_phone: EmulatedPhone) -> None:
    usb.plug([UsbPhone(SERIAL, runner_phone.port, fault="access")])
    with pytest.raises(AuthenticationError, match="udev"):
        connect(runner_phone)
    usb.plug([UsbPhone(None, runner_phone.port)])
    with pytest.raises(AuthenticationError, match="udev"):
        connect(runner_phone)


@pytest.mark.usefixtures("usb")
def test_an_unknown_key_waits_for_the_owner(tmp_path: Path) -> None:
    generate_key(tmp_path / "stranger", name="stranger")
    with pytest.raises(AuthenticationError, match="confirm it on the phone's screen"):
        AdbTransport.along(UsbRoute(SERIAL, str(tmp_path / "stranger")), 1.0)
    with pytest.raises(AuthenticationError, match="adb keygen"):
        AdbTransport.along(UsbRoute(SERIAL, str(tmp_path / "absent")), LIMIT_S)


def test_a_phone_that_is_unplugged_in_the_middle_and_comes_back(
    usb: FakeUsb, runner_phone: EmulatedPhone
) -> None:
    with FaultyLink(runner_phone.port) as link:
        usb.plug([UsbPhone(SERIAL, link.port)])
        transport = ReconnectingTransport(lambda: connect(runner_phone))
        assert transport.shell("echo before", timeout_s=LIMIT_S).stdout == "before\n"
        failed: list[BaseException] = []

        def wait() -> None:
            try:
                transport.shell("sleep 30", timeout_s=LIMIT_S)
            except LinkLostError as exc:
                failed.append(exc)

        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(0.5)
        link.cut()
        waiting.join(LIMIT_S)
        assert len(failed) == 1 and SERIAL in str(failed[0])
        assert transport.shell("echo after", timeout_s=LIMIT_S).stdout == "after\n"
        usb.plug([])
        link.cut()
        wait_until_free(usb)
        with pytest.raises(LinkDownError, match=f"the phone {SERIAL} on USB; there is none; plug it in"):
            transport.shell("echo gone", timeout_s=LIMIT_S)
        transport.close()


def test_the_socket_of_a_process_that_was_killed_is_no_obstacle(
    usb: FakeUsb, runner_phone: EmulatedPhone
) -> None:
    transport = connect(runner_phone)
    (path,) = sockets(usb)
    with socket.socket(socket.AF_UNIX) as probe:
        probe.connect(str(path))
        credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    os.kill(int.from_bytes(credentials[:4], "little"), signal.SIGKILL)
    with pytest.raises(LinkLostError):
        transport.shell("true", timeout_s=LIMIT_S)
    transport.close()
    assert path.exists()
    transport = connect(runner_phone)
    assert transport.shell("echo again", timeout_s=LIMIT_S).stdout == "again\n"
    transport.close()


def test_a_folder_that_others_may_look_into_is_refused(usb: FakeUsb, runner_phone: EmulatedPhone) -> None:
    (usb.folder / "groupnet").mkdir(mode=0o755)
    with pytest.raises(TransportError, match="of this user alone"):
        connect(runner_phone)


def test_a_serial_goes_to_usb_where_adb_shell_is_asked_for(
    usb: FakeUsb, runner_phone: EmulatedPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "running_phones", lambda: [])
    for serial in (SERIAL, ""):
        transport = connect_phone(serial, "adb-shell", runner_phone.key, LIMIT_S)
        assert transport.serial == SERIAL
        assert transport.shell("echo straight", timeout_s=LIMIT_S).stdout == "straight\n"
        transport.close()
    usb.plug([])
    with pytest.raises(NoSuchDeviceError, match="a phone on USB; there is none"):
        open_device("adb-shell:").info()
