"""`groupnet_bench` for arm64: its choice of cores, its word on throttling, its run on a phone."""

import json
import re
import subprocess
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from native_models import LIMIT_S, Made, floats, write_tree
from phone_facts import PHONES, PhoneFacts

from android_runner import sole_use
from android_runner.adb_shell_transport import AdbShellTransport
from android_runner.emulator.phone import EmulatedPhone
from android_runner.errors import (
    CoresUnavailableError,
    DeviceBusyError,
    IllegalInstructionError,
    InputMismatchError,
    NativeBuildError,
    NativeRunError,
    VerificationError,
)
from android_runner.host_device import HostDevice
from android_runner.native_build import build_native, find_compiler
from android_runner.native_run import NativeOptions, install_native, read_answer, run_native, run_on_phone
from android_runner.phone_cores import choose_cores, core_roles, parse_cores
from android_runner.phone_device import PhoneDevice
from android_runner.server import DEVICE_ROOT

MODEL = Made("model", ((1, 2),), floats([0, 1]), labels=("no", "yes"))
WRONG = Made("wrong", ((1, 2),), floats([0, 1]), expected=floats([0, 3]))
ONCE = NativeOptions(runs=2, warmup=0)


@pytest.fixture(scope="session")
def arm64(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("native-arm64")
    models = [one.export(folder / one.name, "aarch64") for one in (MODEL, WRONG)]
    out = folder / "groupnet_bench"
    build_native(models, out, target="arm64", compiler=find_compiler("aarch64", "glibc"), flags=("-O1",))
    return out


def ask(program: Path, root: Path, *words: str, core: str = "max") -> dict[str, Any]:
    command = ["qemu-aarch64", "-cpu", core, program, *words, "--root", root]
    said = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False).stdout
    answer: dict[str, Any] = json.loads(said.splitlines()[-1])
    return answer


def tree_of(facts: PhoneFacts, root: Path, **zones: int) -> None:
    """The phone's /proc and /sys, its cores at their highest clocks but for rounding."""
    files: dict[str, bytes | str] = {"proc/cpuinfo": facts.cpuinfo()}
    for number, kind in enumerate([run for run in facts.runs for _ in range(run.count)]):
        folder = f"sys/devices/system/cpu/cpu{number}/cpufreq"
        clocks = {"cpuinfo_max_freq": kind.max_khz, "cpuinfo_min_freq": kind.min_khz}
        clocks |= {"scaling_max_freq": kind.max_khz, "scaling_cur_freq": kind.max_khz - 1}
        files |= {f"{folder}/{name}": f"{khz}\n" for name, khz in clocks.items() if kind.max_khz}
    for number, (name, celsius) in enumerate(zones.items()):
        files[f"sys/class/thermal/thermal_zone{number}/type"] = name
        files[f"sys/class/thermal/thermal_zone{number}/temp"] = str(celsius)
    write_tree(root, files)


@pytest.mark.parametrize("facts", PHONES, ids=lambda facts: facts.name)
def test_cores_and_roles_are_the_hosts(facts: PhoneFacts, arm64: Path, tmp_path: Path) -> None:
    tree_of(facts, tmp_path)
    answers = facts.answers()
    cores = parse_cores(answers.cpuinfo, answers.state)
    roles = core_roles(cores)
    told = ask(arm64, tmp_path, "--device")["device"]["cores"]
    assert [(core["number"], core["name"], core["role"]) for core in told] == [
        (core.number, core.name, roles[core.number]) for core in cores
    ]
    assert [core["max_khz"] for core in told] == [core.max_khz or None for core in cores]
    for text in ("big", "little", "prime", "4-6"):
        # This machine has not so many cores, so that the choice shows in what is refused.
        error = ask(arm64, tmp_path, "--model", "model", "--cores", text, "--runs", "1", "--warmup", "0")
        try:
            first = choose_cores(cores, text)[0].number
        except CoresUnavailableError:
            assert error["error"]["type"] == "CoresError"
            continue
        taken = error["cores"]["used"] if error["event"] == "result" else error["error"]["message"]
        assert taken == [first] if isinstance(taken, list) else f"on core {first};" in taken


def test_features_are_the_kernels_word(arm64: Path, tmp_path: Path) -> None:
    tree_of(PHONES[0], tmp_path)
    told = {core: ask(arm64, tmp_path, "--device", core=core)["device"] for core in ("cortex-a53", "max")}
    assert told["cortex-a53"]["features"] == ["neon"]
    assert {"neon", "dotprod", "fp16", "SVE"} <= set(told["max"]["features"])
    assert told["max"]["machine"] == "aarch64" and told["max"]["cpu_celsius"] is None


def test_throttling_is_seen(arm64: Path, tmp_path: Path) -> None:
    facts = PHONES[0]
    tree_of(facts, tmp_path, battery=31_000, **{"cpu-0-0": 91_500, "gpu": 99_000})
    device = ask(arm64, tmp_path, "--device")["device"]
    assert device["cpu_celsius"] == 91.5 and len(device["zones"]) == 3
    words = ("--model", "model", "--runs", "1", "--warmup", "0")
    assert ask(arm64, tmp_path, *words)["throttling"]["reasons"] == ["the processor reached 92 °C"]
    limit = min(run.max_khz for run in facts.runs) // 2
    for path in tmp_path.glob("sys/devices/system/cpu/*/cpufreq/scaling_max_freq"):
        path.write_text(str(limit))
    (reason, _) = ask(arm64, tmp_path, *words)["throttling"]["reasons"]
    assert re.fullmatch(r"core \d was allowed \d\.\d\d of \d\.\d\d GHz from the start", reason)


@pytest.mark.phone
def test_a_phone_runs_it(arm64: Path, runner_phone: EmulatedPhone, transport: AdbShellTransport) -> None:
    transport.shell(f"mkdir -p {DEVICE_ROOT} && touch {DEVICE_ROOT}/native-old", timeout_s=30)
    connect = partial(AdbShellTransport.connect, "127.0.0.1", runner_phone.port, runner_phone.key, 10.0)
    device = PhoneDevice(connect, kind="emulator", name="emulator")
    told = run_native(device, arm64, ONCE.words("model"))
    assert told["runs"] == 2 and told["device"]["features"] == ["neon"]
    assert [core["name"] for core in told["device"]["cores"]] and told["build"]["target"] == "arm64"
    listed = transport.shell(f"ls {DEVICE_ROOT}", timeout_s=30).stdout.split()
    assert [name for name in listed if name.startswith("native-")] == [install_native(transport, arm64).name]
    with pytest.raises(VerificationError, match="difference of 2"):
        run_on_phone(transport, arm64, ONCE.words("wrong"))
    with pytest.raises(CoresUnavailableError, match="'77'"):
        run_on_phone(transport, arm64, NativeOptions(cores="77").words("model"))


@pytest.mark.phone
def test_it_does_not_run_beside_another_measurement(
    arm64: Path, transport: AdbShellTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold = f"exec 9< {DEVICE_ROOT}; flock 9; sleep {LIMIT_S:.0f} 9<&-; true"
    start = f"mkdir -p {DEVICE_ROOT}; ({hold}) > /dev/null 2>&1 & echo $!"
    holder = transport.shell(start, timeout_s=30).stdout
    monkeypatch.setattr(sole_use, "WAIT_S", 0.3)
    try:
        with pytest.raises(DeviceBusyError, match="run this again when that one is done"):
            run_on_phone(transport, arm64, ONCE.words("model"))
    finally:
        transport.shell(f"kill {holder}", timeout_s=30)
    monkeypatch.setattr(sole_use, "WAIT_S", LIMIT_S)
    assert run_on_phone(transport, arm64, ONCE.words("model"))["runs"] == 2


def test_this_machine_runs_it(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\necho \'{"event": "result", "schema": 1, "words": "\'$*\'"}\'\n')
    program.chmod(0o755)
    options = NativeOptions(threads=2, runs=3, warmup=4, cores="0", profile=True)
    told = run_native(HostDevice(), program, options.words("m"))
    assert told["words"] == "--model m --threads 2 --runs 3 --warmup 4 --cores 0 --profile"


@pytest.mark.parametrize(
    ("code", "stdout", "stderr", "error"),
    [
        (132, "", "Illegal instruction", IllegalInstructionError),
        (-4, "", "", IllegalInstructionError),
        (0, "", "", NativeRunError),
        (139, '{"event": "start"}', "Segmentation fault", NativeRunError),
        (0, "not json", "", NativeRunError),
        (0, "[]", "", NativeRunError),
        (0, '{"event": "result", "schema": 2}', "", NativeRunError),
        (130, '{"event": "result", "schema": 1, "stopped": true}', "", NativeRunError),
        (2, '{"event": "error", "error": {"type": "InputError", "message": "x"}}', "x", InputMismatchError),
        (2, '{"event": "error", "error": {"type": "UsageError", "message": "x"}}', "x", NativeRunError),
        (2, '{"event": "error", "error": "x"}', "x", NativeRunError),
    ],
)
def test_other_answers_are_errors(code: int, stdout: str, stderr: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        read_answer(code, stdout, stderr)


def test_builds_that_cannot_be_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = MODEL.export(tmp_path / "model")
    compiler = find_compiler("x86_64")
    with pytest.raises(NativeBuildError, match="model twice"):
        build_native([model, model], tmp_path / "out", target="host", compiler=compiler)
    with pytest.raises(NativeBuildError, match=r"said: .*error"):
        build_native([model], tmp_path / "out", target="host", compiler=compiler, flags=["-std=c89"])
    assert not (tmp_path / "out").exists()
    with pytest.raises(NativeBuildError, match="take glibc"):
        find_compiler("x86_64", "musl")
    monkeypatch.setattr("android_runner.native_build.shutil.which", lambda _: None)
    with pytest.raises(NativeBuildError, match="gcc-aarch64-linux-gnu"):
        find_compiler("aarch64", "glibc")
    monkeypatch.setattr("android_runner.native_build.importlib.util.find_spec", lambda _: None)
    with pytest.raises(NativeBuildError, match=r"groupnet\[native\]"):
        find_compiler("aarch64", "musl")
