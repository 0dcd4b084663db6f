"""A bare daemon (a folder and the host's shell), emulated phones, and an arm64 program for them."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from emulator_client import SOURCES, BareDaemon, RawClient

from android_runner.adb_keys import generate_key
from android_runner.emulator.device_tree import build_device_tree
from android_runner.emulator.phone import EmulatedPhone, missing_requirements, start_phone, stop_phone
from android_runner.emulator.profile import PROFILES

START_TIMEOUT_S = 20.0
BUILD_TIMEOUT_S = 60.0


@pytest.fixture(scope="session")
def bare_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareDaemon]:
    """A daemon without namespaces and without qemu."""
    folder = tmp_path_factory.mktemp("bare")
    key, ready, root = folder / "key", folder / "ready", folder / "root"
    generate_key(key, name="test")
    build_device_tree(root, PROFILES["cortex-a53"], 4)
    command = [
        sys.executable,
        "-m",
        "android_runner.emulator.daemon",
        "--root",
        str(root),
        "--cpu",
        "cortex-a53",
    ]
    command += ["--keys", f"{key}.pub", "--ready", str(ready)]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=SOURCES, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not ready.exists():
            assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.01)
        yield BareDaemon(json.loads(ready.read_text())["port"], key, root)
    finally:
        process.terminate()
        code = process.wait(START_TIMEOUT_S)
    log_text = (folder / "log").read_text()
    assert code == 0, log_text
    assert "Traceback" not in log_text, log_text


@pytest.fixture
def client(bare_daemon: BareDaemon) -> Iterator[RawClient]:
    """A client of the bare daemon that is through the handshake."""
    with RawClient(bare_daemon.port) as raw:
        raw.connect(bare_daemon.key)
        yield raw


@pytest.fixture(scope="session")
def phones(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, EmulatedPhone]]:
    """Three phones at once: an old core whose disk is small, a newer core, and all that qemu knows."""
    if missing := missing_requirements():
        pytest.skip(" ".join(missing))
    state_dir = tmp_path_factory.mktemp("phones")
    started = {}
    try:
        for cpu, disk_limit_bytes in (("cortex-a53", 1 << 20), ("cortex-a76", None), ("max", None)):
            started[cpu] = start_phone(
                cpu=cpu, name=cpu, state_dir=state_dir, disk_limit_bytes=disk_limit_bytes
            )
        yield started
    finally:
        logs = {cpu: (state_dir / cpu / "log").read_text() for cpu in started}
        for cpu in started:
            stop_phone(cpu, state_dir)
    for cpu, log in logs.items():
        assert "Traceback" not in log, f"{cpu}: {log}"


@pytest.fixture(scope="session")
def phone(phones: dict[str, EmulatedPhone]) -> EmulatedPhone:
    """The phone that is the default: cortex-a76."""
    return phones["cortex-a76"]


HARDWARE_SOURCE = r"""
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "dot")) {
        /* sdot v0.4s, v1.16b, v2.16b, for an assembler that may not know it */
        __asm__ volatile(".inst 0x4e829420" ::: "v0");
        puts("dotprod");
        return 0;
    }
    printf("%s %lx %lx\n", argv[0], getauxval(AT_HWCAP), getauxval(AT_HWCAP2));
    return argc > 1 ? 7 : 0;
}
"""


@pytest.fixture(scope="session")
def arm64_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A static arm64 program: tells its name and features; with "dot" a dot product, else exit code 7."""
    folder = tmp_path_factory.mktemp("program")
    (folder / "hardware.c").write_text(HARDWARE_SOURCE)
    command = ["aarch64-linux-gnu-gcc", "-static", "-O1", "-s", "-o", "hardware", "hardware.c"]
    subprocess.run(command, cwd=folder, check=True, timeout=BUILD_TIMEOUT_S)
    return folder / "hardware"
