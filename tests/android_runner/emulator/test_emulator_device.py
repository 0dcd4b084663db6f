"""What a phone answers about itself, and what its cores can do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from emulator_client import RawClient, split_packets

from android_runner.emulator.device_tree import cpuinfo_text
from android_runner.emulator.phone import EmulatedPhone
from android_runner.emulator.profile import PROFILES
from android_runner.probe import core_names

# The bits of AT_HWCAP and AT_HWCAP2 (Linux, arch/arm64/include/uapi/asm/hwcap.h) by their cpuinfo names.
HWCAP = (
    "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm jscvt fcma lrcpc "
    "dcpop sha3 sm3 sm4 asimddp sha512 sve asimdfhm dit uscat ilrcpc flagm ssbs sb paca pacg"
).split()
HWCAP2 = (
    "dcpodp sve2 sveaes svepmull svebitperm svesha3 svesm4 flagm2 frint svei8mm svef32mm svef64mm "
    "svebf16 i8mm bf16 dgh rng bti mte"
).split()
# What kernels are chosen by.
CHOOSING = {"asimd", "fphp", "asimdhp", "asimddp", "sve", "sve2", "i8mm", "bf16"}
TARGET = "/data/local/tmp/hardware"
PHONE = pytest.mark.phone
CPUS = pytest.mark.parametrize("cpu", PROFILES)


def shell(phone: EmulatedPhone, command: str) -> tuple[int, str]:
    with RawClient(phone.port) as raw:
        raw.connect(phone.key)
        code, out, err = raw.shell(command)
    return code, (out + err).decode()


@pytest.fixture(scope="module")
def program(phones: dict[str, EmulatedPhone], arm64_program: Path) -> str:
    """The arm64 program, pushed to each phone."""
    data = arm64_program.read_bytes()
    for phone in phones.values():
        with RawClient(phone.port) as raw:
            raw.connect(phone.key)
            local, remote = raw.open(f"exec:head -c {len(data)} >{TARGET} && chmod 755 {TARGET}")
            for start in range(0, len(data), 65536):
                raw.write(local, remote, data[start : start + 65536])
            # Whoever leaves before the command ends has it hung up on.
            assert raw.read_all(local, remote) == b""
    return TARGET


@PHONE
@CPUS
def test_an_arm64_program_simply_runs(phones: dict[str, EmulatedPhone], program: str, cpu: str) -> None:
    code, out = shell(phones[cpu], f"cd /data/local/tmp && ./hardware end; echo $?; {program}")
    assert code == 0
    lines = out.splitlines()
    # The name it was called by arrives unchanged.
    assert lines[0].split()[0] == "./hardware"
    assert lines[1] == "7"
    assert lines[2].split()[0] == program


@PHONE
def test_a_dot_product_is_an_illegal_instruction_on_the_old_core_alone(
    phones: dict[str, EmulatedPhone], program: str
) -> None:
    code, out = shell(phones["cortex-a53"], f"{program} dot")
    assert code == 128 + 4
    assert "dotprod" not in out
    for cpu in ("cortex-a76", "max"):
        assert shell(phones[cpu], f"{program} dot") == (0, "dotprod\n")


@PHONE
@CPUS
def test_cpuinfo_tells_the_features_that_the_core_has(
    phones: dict[str, EmulatedPhone], program: str, cpu: str
) -> None:
    _, first, second = shell(phones[cpu], program)[1].split()
    has = {name for bit, name in enumerate(HWCAP) if int(first, 16) >> bit & 1}
    has |= {name for bit, name in enumerate(HWCAP2) if int(second, 16) >> bit & 1}
    cpuinfo = shell(phones[cpu], "cat /proc/cpuinfo")[1]
    told = set(re.findall(r"^Features\t: (.*)$", cpuinfo, re.MULTILINE)[0].split())
    # A later qemu may have taught a core more than is told; what kernels are chosen by has to be the truth.
    assert told <= has
    assert told & CHOOSING == has & CHOOSING


@PHONE
@CPUS
def test_properties(phones: dict[str, EmulatedPhone], cpu: str) -> None:
    properties = PROFILES[cpu].properties()
    listed = shell(phones[cpu], "getprop")[1].splitlines()
    assert listed == [f"[{name}]: [{value}]" for name, value in properties.items()]
    names = ["ro.product.model", "ro.soc.model", "ro.product.cpu.abi", "ro.build.version.release"]
    one_by_one = shell(phones[cpu], "; ".join(f"getprop {name}" for name in names))
    assert one_by_one == (0, "".join(f"{properties[name]}\n" for name in names))
    assert shell(phones[cpu], "getprop no.such.property; getprop no.such.property 5") == (0, "\n5\n")


@PHONE
def test_uname(phone: EmulatedPhone) -> None:
    assert shell(phone, "uname -m") == (0, "aarch64\n")
    assert shell(phone, "uname") == (0, "Linux\n")
    assert "aarch64" in shell(phone, "uname -a")[1]


@PHONE
def test_the_battery(phone: EmulatedPhone) -> None:
    before = shell(phone, "dumpsys battery")[1]
    assert re.search(r"level: 85\n", before)
    assert re.search(r"temperature: 274\n", before)
    assert re.search(r"status: 3\n", before)
    battery = phone.root / "sys/class/power_supply/battery"
    try:
        (battery / "temp").write_text("412\n")
        (battery / "status").write_text("Charging\n")
        after = shell(phone, "dumpsys battery")[1]
        assert re.search(r"temperature: 412\n", after)
        assert re.search(r"status: 2\n", after)
        assert re.search(r"USB powered: true\n", after)
    finally:
        (battery / "temp").write_text("274\n")
        (battery / "status").write_text("Discharging\n")
    assert shell(phone, "dumpsys nonsense")[0] == 1


@PHONE
def test_clocks_and_temperatures_can_be_read_and_set(phone: EmulatedPhone) -> None:
    cpu0 = "/sys/devices/system/cpu/cpu0/cpufreq"
    try:
        assert shell(phone, f"echo performance >{cpu0}/scaling_governor; cat {cpu0}/scaling_governor") == (
            0,
            "performance\n",
        )
    finally:
        shell(phone, f"echo schedutil >{cpu0}/scaling_governor")
    zone = phone.root / "sys/class/thermal/thermal_zone0"
    assert shell(phone, "cat /sys/class/thermal/thermal_zone0/type") == (0, "cpu-0-0\n")
    assert shell(phone, "cat /sys/class/thermal/thermal_zone0/temp") == (0, (zone / "temp").read_text())


@PHONE
def test_the_phone_sees_its_own_files_and_processes_only(phone: EmulatedPhone) -> None:
    names = shell(phone, "ls /")[1].split()
    assert {"data", "proc", "sys", "system", "dev"} <= set(names)
    assert not {"home", "root", "tmp", "work", "mnt"} & set(names)
    assert shell(phone, "echo $$")[1].strip().isdigit()
    assert shell(phone, "cat /proc/1/comm")[1].strip() in ("sh", "phone.sh")
    code, _ = shell(phone, "touch /usr/bin/here")
    assert code != 0
    assert shell(phone, "head -c 3 /dev/zero | od -An -tx1") == (0, " 00 00 00\n")


@PHONE
def test_an_interactive_shell_is_at_a_terminal(phone: EmulatedPhone) -> None:
    with RawClient(phone.port) as raw:
        raw.connect(phone.key)
        local, remote = raw.open("shell,v2,TERM=xterm,pty:tty && echo here >/dev/tty")
        out = split_packets(raw.read_all(local, remote))[1]
    assert re.fullmatch(rb"/dev/pts/\d+\r\nhere\r\n", out)


@PHONE
def test_orphans_are_buried(phone: EmulatedPhone) -> None:
    shell(phone, "(setsid sh -c 'sleep 0.05' >/dev/null 2>&1 &)")
    code, out = shell(phone, "sleep 0.3; cat /proc/[0-9]*/stat | awk '$3 == \"Z\"'")
    assert (code, out) == (0, "")


@PHONE
def test_a_small_disk_fills_up_and_can_be_emptied(phones: dict[str, EmulatedPhone]) -> None:
    small = phones["cortex-a53"]
    code, out = shell(small, "head -c 2000000 /dev/zero >/data/local/tmp/big")
    assert code != 0
    assert "No space left" in out
    assert shell(small, "rm /data/local/tmp/big; echo x >/data/local/tmp/x && rm /data/local/tmp/x")[0] == 0


@pytest.mark.parametrize("available", [1, 2, 3, 8, 64])
@CPUS
def test_there_are_never_more_cores_than_the_host_has(cpu: str, available: int) -> None:
    profile = PROFILES[cpu]
    kinds = profile.core_kinds(available)
    assert len(kinds) == min(available, 8)
    # Little ones first, and at least one that is not.
    assert kinds == sorted(kinds, key=lambda kind: kind.max_khz)
    assert kinds[-1] == profile.big


def test_cpuinfo_is_read_as_the_cores_it_was_written_for() -> None:
    profile = PROFILES["cortex-a76"]
    text = cpuinfo_text(profile.core_kinds(4), profile.features)
    assert core_names(text) == ["Cortex-A55", "Cortex-A55", "Cortex-A76", "Cortex-A76"]


@CPUS
def test_properties_tell_that_the_phone_is_emulated(cpu: str) -> None:
    properties = PROFILES[cpu].properties()
    assert properties["ro.kernel.qemu"] == "1"
    assert properties["ro.product.model"].startswith("Emulated ")
    # The greeting separates properties by ; and features by , .
    assert not any(set(";=,") & set(value) for value in properties.values())
