"""What can befall a phone in use: each fault is named, and the next session finds everything in order."""

import socket
import struct
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tvm
from phone_state import server_processes, wait_until
from tvm import relax
from tvm.script import tirx as T
from tvm.support import cc

from android_runner import server, sole_use
from android_runner.adb_shell_transport import AdbShellTransport
from android_runner.emulator.faulty_link import FaultyLink
from android_runner.emulator.phone import EmulatedPhone, reboot_phone, start_phone, stop_phone
from android_runner.errors import (
    DeviceBusyError,
    DeviceError,
    DeviceFullError,
    DeviceMemoryError,
    LinkLostError,
    ServerError,
    ServerGoneError,
)
from android_runner.phone_device import PhoneDevice
from android_runner.runtime_package import RuntimePackage, describe_runtime
from android_runner.server import DEVICE_ROOT, ServerLimits, device_server

pytestmark = pytest.mark.phone

LIMIT_S = 60.0
X = np.array([[-1.0, 0.0, 2.0], [3.5, -0.25, 8.0]], np.float32)
NAME = "survivor"


@pytest.fixture(scope="module")
def phone(state_dir: Path) -> Iterator[EmulatedPhone]:
    yield start_phone(cpu="cortex-a53", name=NAME, state_dir=state_dir)
    stop_phone(NAME, state_dir)


def straight(phone: EmulatedPhone, port: int | None = None) -> AdbShellTransport:
    return AdbShellTransport.connect("127.0.0.1", port or phone.port, phone.key, LIMIT_S)


def device_on(phone: EmulatedPhone, port: int | None = None) -> PhoneDevice:
    return PhoneDevice(partial(straight, phone, port), kind="emulator", name="emulator")


@pytest.fixture
def transport(phone: EmulatedPhone) -> Iterator[AdbShellTransport]:
    opened = straight(phone)
    yield opened
    opened.close()


@pytest.fixture
def in_order(phone: EmulatedPhone, arm64_module: Path) -> Iterator[None]:
    """Afterwards a session works, and nothing but the runtime is on the phone."""
    yield
    check_order(phone, arm64_module)


def check_order(phone: EmulatedPhone, module: Path) -> None:
    with device_on(phone).session(timeout_s=LIMIT_S) as session:
        assert len(session.load(module).run("nested", [X])) == 3
    transport = straight(phone)
    try:
        wait_until(lambda: not server_processes(transport))
        left = transport.shell(f"ls -A {DEVICE_ROOT}", timeout_s=LIMIT_S).stdout.split()
    finally:
        transport.close()
    assert [name for name in left if not name.startswith("runtime-")] == []


@pytest.mark.parametrize("bytes_through", [2_000, 12_000, 16_000, 30_000, 60_000])
def test_a_link_that_is_cut_at_any_step(phone: EmulatedPhone, arm64_module: Path, bytes_through: int) -> None:
    """Logging in, probing, starting, loading: a step is repeated, or its error names the link."""
    with FaultyLink(phone.port) as link:
        link.cut_after(bytes_through)
        try:
            with device_on(phone, link.port).session(timeout_s=LIMIT_S) as session:
                session.load(arm64_module).run("nested", [X])
        except DeviceError as exc:
            assert isinstance(exc, LinkLostError), exc
    check_order(phone, arm64_module)


@pytest.mark.usefixtures("in_order")
def test_a_link_that_is_cut_while_the_runtime_is_copied_there(
    phone: EmulatedPhone, transport: AdbShellTransport, arm64_module: Path
) -> None:
    transport.shell(f"rm -rf {DEVICE_ROOT}", timeout_s=LIMIT_S)
    with FaultyLink(phone.port) as link:
        link.cut_after(3_000_000)
        with device_on(phone, link.port).session(timeout_s=LIMIT_S) as session:
            assert len(session.load(arm64_module).run("nested", [X])) == 3


@pytest.mark.usefixtures("in_order")
def test_a_link_that_is_gone_for_good(phone: EmulatedPhone, arm64_module: Path) -> None:
    with FaultyLink(phone.port) as link, device_on(phone, link.port).session(timeout_s=LIMIT_S) as session:
        module = session.load(arm64_module)
        link.refuse(True)
        link.cut()
        with pytest.raises(LinkLostError, match=r"nested`; the link was lost.*did not come back"):
            module.run("nested", [X])


def test_a_phone_that_reboots(phone: EmulatedPhone, state_dir: Path, arm64_module: Path) -> None:
    with device_on(phone).session(timeout_s=LIMIT_S) as session:
        module = session.load(arm64_module)
        reboot_phone(NAME, state_dir)
        with pytest.raises((LinkLostError, ServerGoneError), match=r"link was lost|start a new session"):
            module.run("nested", [X])
    check_order(phone, arm64_module)


@pytest.mark.usefixtures("in_order")
def test_what_memory_shortage_looks_like(
    phone: EmulatedPhone, transport: AdbShellTransport, arm64_module: Path
) -> None:
    with device_on(phone).session(timeout_s=LIMIT_S) as session:
        module = session.load(arm64_module)
        # As Android's low-memory killer does it; a session is its server's child.
        transport.shell(
            "for p in /proc/[0-9]*; do parent=$(sed -n 's/^PPid:[^0-9]*//p' $p/status 2>/dev/null); "
            f'[ "$parent" = $(cat {DEVICE_ROOT}/server-*/pid) ] && kill -9 ${{p#/proc/}}; done; true',
            timeout_s=LIMIT_S,
        )
        with pytest.raises(DeviceMemoryError, match="smaller batch"):
            module.run("nested", [X])


@pytest.mark.usefixtures("in_order")
def test_what_a_refused_allocation_looks_like(phone: EmulatedPhone, tmp_path: Path) -> None:
    source, library = tmp_path / "greedy.cc", tmp_path / "greedy.so"
    source.write_text("#include <new>\nstatic const int greedy = (throw std::bad_alloc(), 0);\n")
    command = ["aarch64-linux-gnu-g++", "-shared", "-fPIC", "-o", str(library), str(source)]
    subprocess.run(command, check=True, timeout=LIMIT_S)
    with (
        device_on(phone).session(timeout_s=LIMIT_S) as session,
        pytest.raises((DeviceMemoryError, ServerError), match=r"memory|Aborted"),
    ):
        session.load(library)


@pytest.mark.usefixtures("in_order")
def test_a_server_that_is_told_to_end(
    phone: EmulatedPhone, transport: AdbShellTransport, arm64_module: Path
) -> None:
    with device_on(phone).session(timeout_s=LIMIT_S) as session:
        module = session.load(arm64_module)
        transport.shell(f"kill $(cat {DEVICE_ROOT}/server-*/pid)", timeout_s=LIMIT_S)
        wait_until(lambda: not server_processes(transport))
        with pytest.raises(ServerGoneError, match="start a new session"):
            module.run("nested", [X])


@pytest.fixture(scope="module")
def crashing_module(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A module whose kernel calls `abort`."""
    x = relax.Var("x", relax.TensorType((2, 3), "float32"))
    builder = relax.BlockBuilder()
    shape = relax.TensorType((2, 3), "float32")

    @T.prim_func(private=True)
    def crash(source: T.Buffer((2, 3), "float32"), target: T.Buffer((2, 3), "float32")) -> None:
        target[0, 0] = source[0, 0]
        T.evaluate(T.call_extern("int32", "abort"))

    kernel = builder.add_func(crash, "crash")
    with builder.function("main", [x]):
        with builder.dataflow():
            output = builder.emit_output(relax.call_tir(kernel, [x], shape))
        builder.emit_func_output(output)
    path = tmp_path_factory.mktemp("crashing") / "module.so"
    target = tvm.target.Target({"kind": "llvm", "mtriple": "aarch64-linux-gnu"})
    tvm.compile(builder.get(), target=target).export_library(
        str(path), fcompile=cc.cross_compiler("aarch64-linux-gnu-g++")
    )
    return path


@pytest.mark.usefixtures("in_order")
def test_a_kernel_that_crashes(phone: EmulatedPhone, crashing_module: Path) -> None:
    with device_on(phone).session(timeout_s=LIMIT_S) as session:
        module = session.load(crashing_module)
        with pytest.raises(
            ServerError, match=r"run `main`.*crashed there: .*signal 6.*compile the bundle again"
        ):
            module.run("main", [X])
        with pytest.raises(ServerError):
            module.run("main", [X])


def test_a_disk_too_small_for_the_runtime(state_dir: Path) -> None:
    small = start_phone(cpu="cortex-a53", name="small", state_dir=state_dir, disk_limit_bytes=1 << 20)
    try:
        with (
            pytest.raises(DeviceFullError, match="free some"),
            device_on(small).session(timeout_s=LIMIT_S),
        ):
            pass
        transport = straight(small)
        assert transport.shell(f"ls -A {DEVICE_ROOT}", timeout_s=LIMIT_S).stdout == ""
        transport.close()
    finally:
        stop_phone("small", state_dir)


def test_two_measurements_on_one_phone(
    phone: EmulatedPhone, arm64_module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(session: object) -> list[float]:
        times: list[float] = session.load(arm64_module).time(  # type: ignore[attr-defined]
            "nested", [X], runs=2, warmup=0, threads=1
        )
        return times

    device = device_on(phone)
    with device.session(timeout_s=LIMIT_S) as second:
        with device.session(timeout_s=LIMIT_S) as first:
            assert len(measure(first)) == 2
            assert len(second.load(arm64_module).run("nested", [X])) == 3  # what is not timed may go on
            monkeypatch.setattr(sole_use, "WAIT_S", 0.3)
            with pytest.raises(DeviceBusyError, match="run this again when that one is done"):
                measure(second)
            assert len(measure(first)) == 2
        monkeypatch.setattr(sole_use, "WAIT_S", LIMIT_S)
        # The first one's process may still be ending; that is waited for.
        assert len(measure(second)) == 2


def test_a_phones_time_of_day_may_jump(
    transport: AdbShellTransport, phone: EmulatedPhone, arm64_module: Path
) -> None:
    """A server that is just starting looks 50 years old, one that died long ago as if made tomorrow."""
    starting, dead = DEVICE_ROOT / "server-starting", DEVICE_ROOT / "server-dead"
    transport.shell(
        f"mkdir -p {starting} {dead}; cut -d. -f1 /proc/uptime > {starting}/started; "
        f"echo 999999999 > {dead}/started; touch -d 1975-01-01 {starting}; touch -d 2099-01-01 {dead}",
        timeout_s=LIMIT_S,
    )
    with device_on(phone).session(timeout_s=LIMIT_S):
        left = transport.shell(f"ls {DEVICE_ROOT}", timeout_s=LIMIT_S).stdout.split()
    assert starting.name in left and dead.name not in left
    transport.shell(f"rm -r {starting}", timeout_s=LIMIT_S)
    check_order(phone, arm64_module)


def test_a_server_of_an_older_version_whose_host_is_gone(
    transport: AdbShellTransport,
    phone: EmulatedPhone,
    runtime: RuntimePackage,
    arm64_module: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in runtime.files:
        (tmp_path / name).write_bytes((runtime.folder / name).read_bytes())
    (tmp_path / "version").write_text("older")
    older = device_server(transport, describe_runtime(tmp_path), ServerLimits(idle_s=2))
    monkeypatch.setattr(server, "owner_mark", lambda: "another-host/1/2")  # of which nothing is known
    orphan = older.__enter__()  # nobody will stop it
    with device_on(phone).session(timeout_s=LIMIT_S) as session:
        assert len(session.load(arm64_module).run("nested", [X])) == 3
    wait_until(lambda: not server_processes(transport))  # it ends by itself, because nobody uses it
    check_order(phone, arm64_module)
    runtimes = transport.shell(f"ls {DEVICE_ROOT}", timeout_s=LIMIT_S).stdout.split()
    assert runtimes == [f"runtime-{runtime.content_hash[:16]}"]
    older.__exit__(None, None, None)
    assert orphan.folder.name not in runtimes


def test_a_second_user_of_this_machine_gets_nowhere_without_the_token(
    transport: AdbShellTransport, runtime: RuntimePackage
) -> None:
    """The tunnel's port is open to every user of this machine; the server behind it asks for the token."""
    with (
        device_server(transport, runtime) as running,
        transport.tunnel(running.port, timeout_s=LIMIT_S) as port,
    ):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), LIMIT_S)
        for key in (b"client:", b"client:" + b"0" * 32, running.token.encode()):
            with socket.create_connection(("127.0.0.1", port), LIMIT_S) as stranger:
                stranger.sendall(struct.pack("<ii", 0xFF271, len(key)) + key)
                answer = stranger.recv(4)
                assert answer == struct.pack("<i", 0xFF271 + 2)  # TVM's word for a key that does not match
                assert stranger.recv(1) == b""


def test_a_stalled_link_ends_with_the_time_limit(phone: EmulatedPhone) -> None:
    with FaultyLink(phone.port) as link:
        transport = straight(phone, link.port)
        link.stall(True)
        before = threading.active_count()
        with pytest.raises(DeviceError, match=r"within 0\.3 s"):
            transport.shell("true", timeout_s=0.3)
        link.heal()
        assert transport.shell("echo again", timeout_s=LIMIT_S).stdout == "again\n"
        transport.close()
        assert threading.active_count() <= before
