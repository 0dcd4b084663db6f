"""Phones from start to stop: once, twice, at once, after a crash, and without namespaces."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from emulator_client import SOURCES, RawClient

import android_runner.emulator.phone as phone_module
from android_runner.emulator.errors import (
    MissingRequirementError,
    PhoneConfigurationError,
    PhoneRunningError,
    PhoneStartError,
)
from android_runner.emulator.host_support import HostSupport, missing_requirements, probe_host
from android_runner.emulator.phone import (
    EmulatedPhone,
    running_phone,
    running_phones,
    start_phone,
    stop_phone,
)
from android_runner.emulator.processes import (
    children_of,
    find_process,
    processes_with,
    send_signal,
    wait_until_ended,
)

DEADLINE_S = 10.0
COMMAND_TIMEOUT_S = 60.0
PHONE = pytest.mark.phone


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    """A folder for phones; every one of them is stopped at the end."""
    yield tmp_path / "phones"
    for phone in running_phones(tmp_path / "phones"):
        stop_phone(phone.name, tmp_path / "phones")


def processes_of(state_dir: Path) -> list[str]:
    """The command lines of all processes that know the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if str(state_dir).encode() in command:
            found.append(command.replace(b"\0", b" ").decode())
    return found


def nothing_left(state_dir: Path) -> bool:
    deadline = time.monotonic() + DEADLINE_S
    while processes_of(state_dir):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return str(state_dir) not in Path("/proc/mounts").read_text()


def shell(phone: EmulatedPhone, command: str) -> tuple[int, bytes, bytes]:
    with RawClient(phone.port) as raw:
        raw.connect(phone.key)
        return raw.shell(command)


@PHONE
def test_nothing_is_missing_here() -> None:
    assert missing_requirements() == []


@PHONE
def test_start_again_and_stop(state_dir: Path) -> None:
    assert running_phone("one", state_dir) is None
    phone = start_phone(name="one", state_dir=state_dir)
    assert phone.serial == f"127.0.0.1:{phone.port}"
    assert phone.port not in range(5555, 5586)
    assert stat.S_IMODE(phone.key.stat().st_mode) == 0o600
    assert stat.S_IMODE(phone.key.parent.stat().st_mode) == 0o700
    assert start_phone(name="one", state_dir=state_dir) == phone
    assert start_phone(name="one", state_dir=state_dir, port=phone.port) == phone
    assert running_phone("one", state_dir) == phone
    assert running_phones(state_dir) == [phone]
    assert shell(phone, "exit 9")[0] == 9
    assert stop_phone("one", state_dir)
    assert running_phones(state_dir) == []
    assert not (state_dir / "one").exists()
    assert nothing_left(state_dir)
    assert not stop_phone("one", state_dir)


@PHONE
def test_another_core_port_or_disk_under_the_same_name_is_refused(state_dir: Path) -> None:
    phone = start_phone(name="one", cpu="cortex-a53", state_dir=state_dir)
    for change in ({"cpu": "max"}, {"port": phone.port ^ 1}, {"disk_limit_bytes": 1 << 20}):
        with pytest.raises(PhoneRunningError, match="stop it first"):
            start_phone(**{"name": "one", "cpu": "cortex-a53", "state_dir": state_dir, **change})


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"cpu": "cortex-m0"}, "cortex-a76"),
        ({"port": 5555}, "scans"),
        ({"port": 5585}, "scans"),
        ({"port": 80}, "1024"),
        ({"port": 65536}, "65535"),
        ({"disk_limit_bytes": 1}, "65536 bytes"),
        ({"name": "../up"}, "letters"),
        ({"name": ""}, "letters"),
        ({"name": ".hidden"}, "letters"),
    ],
)
def test_phones_that_cannot_be_are_refused(tmp_path: Path, change: dict[str, object], word: str) -> None:
    with pytest.raises(PhoneConfigurationError, match=word):
        start_phone(**{"state_dir": tmp_path / "phones", **change})  # type: ignore[arg-type]
    assert not (tmp_path / "phones").exists()


@PHONE
def test_a_port_in_use_is_said_and_nothing_stays(state_dir: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        with pytest.raises(PhoneStartError, match="in use; choose another"):
            start_phone(name="one", state_dir=state_dir, port=server.getsockname()[1])
    assert not (state_dir / "one").exists()
    assert nothing_left(state_dir)


@PHONE
def test_a_phone_that_does_not_come_up_in_time_is_ended(state_dir: Path) -> None:
    with pytest.raises(PhoneStartError, match="nothing in"):
        start_phone(name="one", state_dir=state_dir, timeout_s=0.0)
    assert not (state_dir / "one").exists()
    assert nothing_left(state_dir)


@PHONE
@pytest.mark.parametrize("victim", ["outer", "init", "daemon"])
def test_after_a_crash_nothing_runs_and_the_name_is_free(state_dir: Path, victim: str) -> None:
    phone = start_phone(name="one", state_dir=state_dir)
    shell(phone, "setsid sleep 300 >/dev/null 2>&1 &")
    init = find_process(phone.pid)
    assert init is not None
    outer_pid = int(Path(f"/proc/{phone.pid}/stat").read_text().rpartition(")")[2].split()[1])
    outer = find_process(outer_pid)
    daemon = next(
        child for child in children_of(phone.pid) if b"-m" in Path(f"/proc/{child.pid}/cmdline").read_bytes()
    )
    process = {"outer": outer, "init": init, "daemon": daemon}[victim]
    assert process is not None
    send_signal(process, signal.SIGKILL)
    assert wait_until_ended(init, timeout_s=DEADLINE_S)
    assert nothing_left(state_dir)
    assert running_phone("one", state_dir) is None
    again = start_phone(name="one", cpu="cortex-a53", state_dir=state_dir)
    assert again.pid != phone.pid
    assert shell(again, "true")[0] == 0


@PHONE
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_daemon_ends_cleanly_on_a_signal(state_dir: Path, number: signal.Signals) -> None:
    phone = start_phone(name="one", state_dir=state_dir)
    init = find_process(phone.pid)
    assert init is not None
    with RawClient(phone.port) as raw:
        raw.connect(phone.key)
        raw.open("shell:sleep 300")
        (daemon,) = children_of(phone.pid)
        send_signal(daemon, number)
        assert raw.receive_end()
    assert wait_until_ended(init, timeout_s=DEADLINE_S)
    assert "Traceback" not in (state_dir / "one/log").read_text()
    assert nothing_left(state_dir)


@PHONE
def test_state_of_a_reused_process_number_or_damaged_is_stale(state_dir: Path) -> None:
    phone = start_phone(name="one", state_dir=state_dir)
    path = state_dir / "one/state.json"
    text = path.read_text()
    fields = json.loads(text)
    fields["process"]["start_ticks"] -= 1
    for damaged in (json.dumps(fields), "{", "[]", "{}", json.dumps({**fields, "version": 0})):
        path.write_text(damaged)
        assert running_phone("one", state_dir) is None
    path.write_text(text)
    assert running_phone("one", state_dir) == phone


@PHONE
def test_two_at_once_know_nothing_of_each_other(phones: dict[str, EmulatedPhone]) -> None:
    old, new = phones["cortex-a53"], phones["cortex-a76"]
    assert len({phone.port for phone in phones.values()}) == 3
    shell(old, "echo old >/data/local/tmp/who; setsid sleep 299 >/dev/null 2>&1 &")
    assert shell(new, "cat /data/local/tmp/who")[0] != 0
    assert b"sleep 299" not in shell(new, "ps -ef")[1]
    assert b"sleep 299" in shell(old, "ps -ef")[1]
    # One phone's key is nothing to the other.
    with RawClient(new.port) as raw:
        assert raw.connect(old.key).command.name == "AUTH"


@PHONE
def test_simultaneous_starts_of_one_name_give_one_phone(state_dir: Path) -> None:
    got: list[EmulatedPhone] = []
    threads = [
        threading.Thread(target=lambda: got.append(start_phone(name="one", state_dir=state_dir)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(COMMAND_TIMEOUT_S)
    assert len(got) == 3
    assert len(set(got)) == 1


@PHONE
def test_a_phone_outlives_the_process_that_started_it_and_is_nobodys_child(state_dir: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from android_runner.emulator.phone import start_phone; "
        "print(start_phone(name='one', state_dir=Path(sys.argv[1])).pid)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(state_dir)],
        cwd=SOURCES,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_S,
        check=True,
    )
    phone = running_phone("one", state_dir)
    assert phone is not None
    assert phone.pid == int(done.stdout)
    assert shell(phone, "exit 3")[0] == 3
    assert os.getsid(phone.pid) != os.getsid(0)
    outer = int(Path(f"/proc/{phone.pid}/stat").read_text().rpartition(")")[2].split()[1])
    assert outer not in {child.pid for child in children_of(os.getpid())}


@PHONE
@pytest.mark.parametrize("delay_s", [0.0, 0.1, 0.2])
def test_an_interrupted_start_leaves_nothing(state_dir: Path, delay_s: float) -> None:
    script = (
        "import sys; from pathlib import Path; from android_runner.emulator.phone import start_phone; "
        "print('starting', flush=True); "
        "start_phone(name='one', state_dir=Path(sys.argv[1])); print('started', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(state_dir)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=SOURCES, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "starting\n"
        time.sleep(delay_s)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=COMMAND_TIMEOUT_S)
    assert "KeyboardInterrupt" in err
    if "started" in out:
        # It was up before; that is no start to interrupt.
        stop_phone("one", state_dir)
    assert not (state_dir / "one").exists()
    assert nothing_left(state_dir)


@PHONE
def test_the_default_folder_is_the_users_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    try:
        phone = start_phone()
        assert phone.key == tmp_path / "groupnet/emulator/default/adbkey"
        assert running_phone() == phone
    finally:
        assert stop_phone()


def without(**changes: object) -> HostSupport:
    fields = {
        "qemu": "/usr/bin/false",
        "unshare": (),
        "chroot": "",
        "own_binfmt": False,
        "host_binfmt": False,
    }
    return HostSupport(**{**fields, **changes})  # type: ignore[arg-type]


def test_without_qemu_there_is_no_phone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone_module, "probe_host", lambda: without(qemu=None))
    with pytest.raises(MissingRequirementError, match="apt-get install qemu-user-static"):
        start_phone(state_dir=tmp_path)


def test_without_namespaces_there_is_no_small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(phone_module, "probe_host", without)
    with pytest.raises(MissingRequirementError, match="user namespace"):
        start_phone(state_dir=tmp_path, disk_limit_bytes=1 << 20)


@PHONE
def test_without_namespaces_arm64_programs_run_by_the_runner_and_stop_ends_them_too(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, arm64_program: Path
) -> None:
    qemu = probe_host().qemu
    monkeypatch.setattr(phone_module, "probe_host", lambda: without(qemu=qemu))
    phone = start_phone(name="one", state_dir=state_dir)
    assert not phone.isolated
    target = phone.root / "data/local/tmp/hardware"
    target.write_bytes(arm64_program.read_bytes())
    target.chmod(0o755)
    code, out, err = shell(phone, "cd /data/local/tmp && $ARM64_RUNNER ./hardware")
    assert (code, out.split()[0], err) == (0, b"./hardware", b"")
    assert shell(phone, "getprop ro.product.model; uname -m")[1] == b"Emulated Cortex-A76\naarch64\n"
    shell(phone, "setsid sleep 298 >/dev/null 2>&1 &")
    assert processes_with("PHONE_ROOT", str(phone.root))
    assert stop_phone("one", state_dir)
    assert processes_with("PHONE_ROOT", str(phone.root)) == []
    assert nothing_left(state_dir)


@PHONE
def test_with_namespaces_but_an_old_kernel_the_runner_is_told(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch, arm64_program: Path
) -> None:
    support = probe_host()
    old = without(qemu=support.qemu, unshare=support.unshare, chroot=support.chroot)
    monkeypatch.setattr(phone_module, "probe_host", lambda: old)
    phone = start_phone(name="one", state_dir=state_dir)
    target = phone.root / "data/local/tmp/hardware"
    target.write_bytes(arm64_program.read_bytes())
    target.chmod(0o755)
    assert shell(phone, "/data/local/tmp/hardware")[0] != 0
    assert shell(phone, "$ARM64_RUNNER /data/local/tmp/hardware end")[0] == 7
