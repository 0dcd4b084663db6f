"""What is asked of the machine, how commands are put to it, and which processes are meant."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from android_runner.emulator import host_support
from android_runner.emulator.host_support import HostSupport, describe_missing, probe_host
from android_runner.emulator.launch import PhoneRequest, launch_command
from android_runner.emulator.machine import Machine
from android_runner.emulator.processes import (
    ProcessId,
    children_of,
    find_process,
    is_running,
    processes_with,
    send_signal,
    wait_until_ended,
)
from android_runner.emulator.state import PhoneFolder

COMPLETE = HostSupport("/usr/bin/qemu", ("/usr/bin/unshare", "--user"), "/usr/sbin/chroot", True, False)


@pytest.mark.parametrize(
    ("support", "words"),
    [
        (COMPLETE, []),
        (HostSupport("/q", ("u",), "/c", False, True), []),
        (HostSupport("/q", ("u",), "/c", False, False), ["binfmt-support"]),
        (HostSupport("/q", (), "", False, False), ["sysctl"]),
        (HostSupport(None, (), "", False, False), ["qemu-user-static", "sysctl"]),
        (HostSupport(None, ("u",), "/c", True, False), ["qemu-user-static"]),
    ],
)
def test_each_lack_is_one_sentence_with_its_remedy(support: HostSupport, words: list[str]) -> None:
    missing = describe_missing(support)
    assert len(missing) == len(words)
    for sentence, word in zip(missing, words, strict=True):
        assert word in sentence
        assert sentence.startswith("Expected ")
        assert sentence.endswith(".")


def test_a_machine_without_any_of_the_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    monkeypatch.setattr(host_support, "_BINFMT", Path("/nonexistent"))
    assert probe_host() == HostSupport(None, (), "", False, False)


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("enabled\ninterpreter /usr/libexec/qemu\nflags: POCF\noffset 0\n", True),
        ("enabled\ninterpreter /usr/libexec/qemu\nflags: POC\noffset 0\n", False),
        ("disabled\ninterpreter /usr/libexec/qemu\nflags: F\noffset 0\n", False),
    ],
)
def test_a_kernel_that_knows_arm64_already(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, known: bool
) -> None:
    monkeypatch.setattr(host_support, "_BINFMT", tmp_path)
    (tmp_path / "qemu-aarch64").write_text(text)
    assert probe_host().host_binfmt == known


@pytest.mark.parametrize(
    ("support", "start", "end"),
    [
        (COMPLETE, ["/usr/bin/unshare", "--user", "/bin/sh"], ["--chroot", "/usr/sbin/chroot"]),
        (HostSupport("/q", (), "", False, False), [sys.executable, "-P", "-m"], ["--runner", "/q"]),
        (HostSupport("/q", (), "", False, True), [sys.executable, "-P", "-m"], ["--port", "0"]),
        (
            HostSupport("/q", ("u",), "/c", False, False),
            ["u", "/bin/sh"],
            ["--runner", "/q", "--chroot", "/c"],
        ),
    ],
)
def test_the_command_that_is_a_phone(
    tmp_path: Path, support: HostSupport, start: list[str], end: list[str]
) -> None:
    command = launch_command(PhoneFolder(tmp_path, "one"), support, PhoneRequest("max", None, None))
    assert command[: len(start)] == start
    assert command[-len(end) :] == end


@pytest.mark.parametrize(
    ("command", "rewritten"),
    [
        ("ls /data/local/tmp", "ls /R/data/local/tmp"),
        ("/system/bin/getprop x", "/R/system/bin/getprop x"),
        ("cat </data/x>/data/y", "cat </R/data/x>/R/data/y"),
        ("cd /data;ls", "cd /R/data;ls"),
        ("x='/data' y=\"/data/z\"", "x='/R/data' y=\"/R/data/z\""),
        ("ls /database /data.old /my/data ./data a-/data", "ls /database /data.old /my/data ./data a-/data"),
    ],
)
def test_paths_of_the_phone_without_a_view_of_its_own(command: str, rewritten: str) -> None:
    bare = Machine(Path("/R"), "max", chroot=None, runner=None)
    assert bare.arguments(command) == ["/bin/sh", "-c", rewritten]
    isolated = Machine(Path("/R"), "max", chroot="/usr/sbin/chroot", runner=None)
    assert isolated.arguments(command) == ["/usr/sbin/chroot", "/R", "/system/bin/sh", "-c", command]


def test_environments() -> None:
    bare = Machine(Path("/R"), "cortex-a53", chroot=None, runner="/q")
    isolated = Machine(Path("/R"), "cortex-a53", chroot="/c", runner=None)
    assert bare.environment()["TMPDIR"] == "/R/data/local/tmp"
    assert isolated.environment()["TMPDIR"] == "/data/local/tmp"
    assert bare.environment()["ARM64_RUNNER"] == "/q"
    assert "ARM64_RUNNER" not in isolated.environment()
    assert "TERM" not in bare.environment()
    assert bare.at_terminal("xterm").environment()["TERM"] == "xterm"


def test_a_process_is_known_by_its_start_too(tmp_path: Path) -> None:
    # A name that looks like the fields that follow it.
    program = tmp_path / "x) Z 1 (y"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "60"], env={"EMULATOR_TEST": "yes"}) as child:
        process = find_process(child.pid)
        assert process is not None
        assert is_running(process)
        assert not is_running(ProcessId(child.pid, process.start_ticks + 1))
        assert process in children_of(os.getpid())
        deadline = time.monotonic() + 10
        while process not in processes_with("EMULATOR_TEST", "yes") and time.monotonic() < deadline:
            time.sleep(0.01)
        assert processes_with("EMULATOR_TEST", "yes") == [process]
        assert processes_with("EMULATOR_TEST", "ye") == []
        assert not wait_until_ended(process, timeout_s=0.0)
        send_signal(ProcessId(child.pid, process.start_ticks + 1), signal.SIGKILL)
        assert is_running(process)
        send_signal(process, signal.SIGKILL)
        # Nobody has asked for its exit status yet; it runs no more all the same.
        assert wait_until_ended(process, timeout_s=10.0)
        send_signal(process, signal.SIGKILL)
    assert find_process(child.pid) != process
