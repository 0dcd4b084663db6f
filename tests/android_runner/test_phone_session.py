"""Modules on the emulated phone: exact results over RPC, and each failure in words that name it."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tvm.rpc
from phone_state import server_processes, wait_until

from android_runner.adb_shell_transport import AdbShellTransport
from android_runner.device import Session
from android_runner.emulator.phone import EmulatedPhone, start_phone, stop_phone
from android_runner.errors import (
    AlteredFileError,
    DeviceFullError,
    IllegalInstructionError,
    InputMismatchError,
    LinkLostError,
    ServerError,
    ThreadsUnavailableError,
    TransportTimeoutError,
    UnknownFunctionError,
    WrongArchitectureError,
    WrongTokenError,
)
from android_runner.phone_device import PhoneDevice
from android_runner.phone_session import PhoneSession
from android_runner.rpc_endpoint import PhoneEndpoint
from android_runner.runtime_package import RuntimePackage
from android_runner.server import DEVICE_ROOT, RunningServer, device_server
from android_runner.tensor_types import TensorType

pytestmark = pytest.mark.phone

LIMIT_S = 30.0
X = np.array([[-1.0, 0.0, 2.0], [3.5, -0.25, 8.0]], np.float32)
SIGNATURES = {"difference": [TensorType((2, 3), "float32")] * 2}


def device_on(phone: EmulatedPhone) -> PhoneDevice:
    connect = partial(AdbShellTransport.connect, "127.0.0.1", phone.port, phone.key, LIMIT_S)
    return PhoneDevice(connect, kind="emulator", name="emulator")


@pytest.fixture(scope="module")
def device(runner_phone: EmulatedPhone) -> PhoneDevice:
    return device_on(runner_phone)


@pytest.fixture(scope="module")
def session(device: PhoneDevice) -> Iterator[Session]:
    """One session for the tests that end none."""
    with device.session(timeout_s=LIMIT_S) as opened:
        yield opened


def folders_of_sessions(transport: AdbShellTransport) -> set[str]:
    names = transport.shell(f"ls -A {DEVICE_ROOT}", timeout_s=LIMIT_S).stdout.split()
    return {name for name in names if not name.startswith("runtime-")}


@dataclass(frozen=True)
class OwnSession:
    session: Session
    folder: str  # its server's, on the phone


@pytest.fixture
def own(
    device: PhoneDevice, transport: AdbShellTransport, request: pytest.FixtureRequest
) -> Iterator[OwnSession]:
    """A session that a test may end in any way."""
    request.getfixturevalue("nothing_left")
    before = folders_of_sessions(transport)
    with device.session(timeout_s=LIMIT_S) as session:
        (folder,) = folders_of_sessions(transport) - before
        yield OwnSession(session, f"{DEVICE_ROOT}/{folder}")


@pytest.fixture
def nothing_left(transport: AdbShellTransport, session: Session) -> Iterator[None]:
    """Check that a test leaves no folder and no process on the phone; the shared session is there before."""
    assert session
    before = folders_of_sessions(transport), len(server_processes(transport))
    yield
    assert (folders_of_sessions(transport), len(server_processes(transport))) == before


def test_outputs_are_exact_and_flat(session: Session, arm64_module: Path) -> None:
    module = session.load(arm64_module)
    doubled, clipped, same = module.run("nested", [X])
    np.testing.assert_array_equal(doubled, X + X)
    np.testing.assert_array_equal(clipped, np.maximum(X, 0))
    np.testing.assert_array_equal(same, X)
    words = np.arange(5, dtype=np.uint32)
    (inverted,) = module.run("invert", [words])
    assert inverted.dtype == np.uint32
    np.testing.assert_array_equal(inverted, ~words)
    (difference,) = module.run("difference", [X[:, ::-1], np.asfortranarray(X)])
    np.testing.assert_array_equal(difference, X[:, ::-1] - X)


def test_two_modules_in_one_session(session: Session, arm64_module: Path) -> None:
    first, second = session.load(arm64_module), session.load(arm64_module)
    (one,) = first.run("difference", [X, 0 * X])
    (two,) = second.run("difference", [0 * X, X])
    np.testing.assert_array_equal(one, -two)


@pytest.mark.parametrize("threads", [1, 2])
def test_parallel_kernels_are_exact(session: Session, arm64_module: Path, threads: int) -> None:
    module = session.load(arm64_module)
    module.set_threads(threads)
    rows = np.arange(32 * 16, dtype=np.float32).reshape(32, 16)
    (total,) = module.run("row_sums", [rows])
    np.testing.assert_array_equal(total, rows.sum(axis=1))


@pytest.mark.parametrize("threads", [1, 2])
def test_timing_returns_one_sample_for_each_run(session: Session, arm64_module: Path, threads: int) -> None:
    samples = session.load(arm64_module).time("nested", [X], runs=7, warmup=2, threads=threads)
    assert len(samples) == 7
    assert all(sample_ms > 0 for sample_ms in samples)


def test_each_call_is_timed_on_the_phone(session: Session, arm64_module: Path) -> None:
    module = session.load(arm64_module)
    footprint = module.footprint("nested", [X])
    assert footprint.load_ms > 0 and footprint.peak_bytes and footprint.before_bytes
    profile = module.profile("nested", [X], runs=3, threads=1)
    assert {"add", "relu"} <= {call.name for call in profile.calls}
    assert [len(run.calls_ms) for run in profile.runs] == [len(profile.calls)] * 3
    assert all(0 < sum(run.calls_ms) <= run.whole_ms for run in profile.runs)
    with pytest.raises(ServerError, match="1 to 10000 runs"):
        module.profile("nested", [X], runs=10001, threads=1)
    assert len(module.run("nested", [X])) == 3


@pytest.mark.parametrize("threads", [1, 2])
def test_what_its_threads_multiply_is_timed_on_the_phone(
    session: Session, arm64_module: Path, threads: int
) -> None:
    ceilings = session.load(arm64_module).ceilings(threads=threads)
    assert ceilings is not None and ceilings.binary_by == "uadalp"  # this phone's cores have no udot
    assert ceilings.binary_macs_s > ceilings.float_macs_s > 0


@pytest.mark.parametrize(
    ("function", "inputs", "error", "said"),
    [
        ("difference", [X], InputMismatchError, "Expected 2 inputs"),
        ("difference", [X, X[:1]], InputMismatchError, "input 1 of `difference`"),
        ("nested", [X, X], InputMismatchError, "Expected 1 inputs"),
        ("absent", [X], UnknownFunctionError, "`absent`"),
        ("nested", [X[:1]], ServerError, "its runtime said: .*mismatch"),
    ],
)
def test_misuse_is_explained_and_ends_nothing(
    session: Session,
    arm64_module: Path,
    function: str,
    inputs: list[np.ndarray],
    error: type[Exception],
    said: str,
) -> None:
    module = session.load(arm64_module, SIGNATURES)
    with pytest.raises(error, match=said):
        module.run(function, inputs)
    assert len(module.run("nested", [X])) == 3


def test_more_threads_than_cores_are_refused(session: Session, arm64_module: Path) -> None:
    module = session.load(arm64_module)
    with pytest.raises(ThreadsUnavailableError, match="ask for"):
        module.set_threads(1000)
    assert len(module.run("nested", [X])) == 3


def test_a_module_of_another_machine_is_not_sent(session: Session, host_module: Path) -> None:
    with pytest.raises(WrongArchitectureError, match="aarch64"):
        session.load(host_module)


def test_an_instruction_the_cores_lack_is_named(
    own: OwnSession, misbehaving_module: Callable[[str], Path], arm64_module: Path
) -> None:
    # sdot, of which a Cortex-A53 knows nothing
    library = misbehaving_module('__asm__ volatile(".inst 0x4e829420" ::: "v0");')
    with pytest.raises(IllegalInstructionError, match=r"load misbehaving\.so; its cores lack an instruction"):
        own.session.load(library)
    with pytest.raises(IllegalInstructionError):
        own.session.load(arm64_module)


def test_a_crash_is_explained_by_the_log(own: OwnSession, misbehaving_module: Callable[[str], Path]) -> None:
    with pytest.raises(ServerError, match=r"killed by signal 6 \(Aborted\)"):
        own.session.load(misbehaving_module("abort();"))


@pytest.mark.usefixtures("nothing_left")
def test_a_call_that_hangs_is_given_up(
    device: PhoneDevice, misbehaving_module: Callable[[str], Path]
) -> None:
    hanging = misbehaving_module("for (;;) sleep(1);")
    with device.session(timeout_s=1.0) as session, pytest.raises(TransportTimeoutError, match="within 1 s"):
        session.load(hanging)


def test_a_wrong_token_is_named(transport: AdbShellTransport, runtime: RuntimePackage) -> None:
    with device_server(transport, runtime) as server:
        stranger = RunningServer(server.port, server.pid, server.folder, "0" * 32)
        with pytest.raises(WrongTokenError, match="new session"):
            PhoneSession(PhoneEndpoint(transport, stranger, LIMIT_S), "aarch64", LIMIT_S)


def test_a_killed_server_is_noticed(
    own: OwnSession, transport: AdbShellTransport, arm64_module: Path
) -> None:
    module = own.session.load(arm64_module)
    before = len(server_processes(transport))
    transport.shell(f"kill -9 $(cat {own.folder}/pid)", timeout_s=LIMIT_S)
    wait_until(lambda: len(server_processes(transport)) == before - 2)
    with pytest.raises(ServerError, match="ended from outside"):
        module.run("nested", [X])


def test_a_file_altered_on_the_phone_is_not_loaded(
    own: OwnSession, transport: AdbShellTransport, arm64_module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = tvm.rpc.RPCSession.upload

    def upload_and_alter(self: tvm.rpc.RPCSession, data: bytearray, target: str) -> None:
        original(self, data, target)
        file = f"$(ls {own.folder}/session-*/{target})"
        transport.shell(f"printf X | dd of={file} conv=notrunc bs=1 seek=5000", timeout_s=LIMIT_S)

    monkeypatch.setattr(tvm.rpc.RPCSession, "upload", upload_and_alter)
    with pytest.raises(AlteredFileError, match="not the one"):
        own.session.load(arm64_module)
    monkeypatch.undo()
    assert len(own.session.load(arm64_module).run("nested", [X])) == 3


def test_two_sessions_at_once(own: OwnSession, session: Session, arm64_module: Path) -> None:
    modules = [each.load(arm64_module) for each in (session, own.session, session)]
    for factor, module in enumerate(modules):
        (result,) = module.run("difference", [factor * X, X])
        np.testing.assert_array_equal(result, factor * X - X)


def test_a_module_may_outlive_its_session(device: PhoneDevice, arm64_module: Path) -> None:
    before = threading.active_count()
    with ExitStack() as stack:
        module = stack.enter_context(device.session(timeout_s=LIMIT_S)).load(arm64_module)
        stack.close()
        with pytest.raises((ServerError, LinkLostError), match=r"new session|closed"):
            module.run("nested", [X])
    del module
    assert threading.active_count() == before


def test_a_phone_that_is_switched_off_is_a_lost_link(state_dir: Path, arm64_module: Path) -> None:
    phone = start_phone(cpu="cortex-a76", name="short-lived", state_dir=state_dir)
    try:
        with device_on(phone).session(timeout_s=LIMIT_S) as session:
            module = session.load(arm64_module)
            stop_phone("short-lived", state_dir)
            with pytest.raises(LinkLostError, match="the link was lost"):
                module.run("nested", [X])
    finally:
        stop_phone("short-lived", state_dir)


def test_a_disk_that_fills_up_is_named(state_dir: Path, runtime: RuntimePackage, arm64_module: Path) -> None:
    runtime_bytes = sum((runtime.folder / name).stat().st_size for name in runtime.files)
    phone = start_phone(
        cpu="cortex-a53", name="tight", state_dir=state_dir, disk_limit_bytes=runtime_bytes + (1 << 20)
    )
    try:
        large = arm64_module.parent / "large.so"
        # Sections may be followed by anything; the loader does not mind.
        large.write_bytes(arm64_module.read_bytes() + bytes(4 << 20))
        with device_on(phone).session(timeout_s=LIMIT_S) as session:
            with pytest.raises(DeviceFullError, match="disk is full"):
                session.load(large)
            assert len(session.load(arm64_module).run("nested", [X])) == 3
    finally:
        stop_phone("tight", state_dir)


INTERRUPTED = """
import sys
from pathlib import Path
from functools import partial
from android_runner.adb_shell_transport import AdbShellTransport
from android_runner.phone_device import PhoneDevice
port, key, module = int(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
device = PhoneDevice(
    partial(AdbShellTransport.connect, "127.0.0.1", port, key, 30.0), kind="emulator", name="emulator")
with device.session(timeout_s=60.0) as session:
    print("ready", flush=True)
    session.load(module)
"""


@pytest.mark.usefixtures("nothing_left")
def test_ctrl_c_in_the_middle_of_a_call_leaves_nothing(
    runner_phone: EmulatedPhone, misbehaving_module: Callable[[str], Path]
) -> None:
    hanging = misbehaving_module("for (;;) sleep(1);")
    arguments = [str(runner_phone.port), str(runner_phone.key), str(hanging)]
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.5)  # until the library hangs; earlier is as good
        os.kill(child.pid, signal.SIGINT)
        _, said = child.communicate(timeout=LIMIT_S)
    assert "KeyboardInterrupt" in said


def test_info_describes_the_phone(device: PhoneDevice, runner_phone: EmulatedPhone) -> None:
    info = device.info()
    assert (info.kind, info.name, info.serial, info.emulated) == (
        "emulator",
        "emulator",
        runner_phone.serial,
        True,
    )
    assert (info.arch, "Cortex-A53" in info.cpu) == ("aarch64", True)
    assert info.cores >= 1 and info.android and info.model != "unknown"


def test_slow_steps_are_logged(device: PhoneDevice, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "android_runner"), device.session(timeout_s=LIMIT_S):
        pass
    assert any("Starting the device server" in message for message in caplog.messages)
