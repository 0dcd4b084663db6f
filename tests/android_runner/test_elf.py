"""A module's machine is read from its header, before a device refuses it in its own words."""

import platform
import struct
from pathlib import Path

import pytest

from android_runner.elf import check_architecture, module_architecture
from android_runner.errors import WrongArchitectureError


def write_header(path: Path, machine: int, ident: bytes = b"\x7fELF\x02\x01\x01") -> Path:
    path.write_bytes(ident.ljust(16, b"\0") + struct.pack("<HH", 3, machine) + bytes(44))
    return path


@pytest.mark.parametrize(("machine", "name"), [(62, "x86_64"), (183, "aarch64")])
def test_known_machines(tmp_path: Path, machine: int, name: str) -> None:
    module = write_header(tmp_path / "module.so", machine)
    assert module_architecture(module) == name
    check_architecture(module, name, "the device")


def test_real_modules(host_module: Path, arm64_module: Path) -> None:
    assert module_architecture(arm64_module) == "aarch64"
    assert module_architecture(host_module) == platform.machine()


def test_another_machine_is_refused(tmp_path: Path) -> None:
    module = write_header(tmp_path / "module.so", 62)
    with pytest.raises(WrongArchitectureError, match=r"for emulator \(aarch64\); got one for x86_64"):
        check_architecture(module, "aarch64", "emulator")
    with pytest.raises(WrongArchitectureError, match="ELF machine 40"):
        module_architecture(write_header(tmp_path / "arm32.so", 40))


@pytest.mark.parametrize("contents", [b"", b"\x7fELF", b"#!/bin/sh\n" * 10])
def test_other_files_are_refused(tmp_path: Path, contents: bytes) -> None:
    module = tmp_path / "module.so"
    module.write_bytes(contents)
    with pytest.raises(WrongArchitectureError, match="64-bit shared library"):
        module_architecture(module)


def test_32_bit_and_big_endian_files_are_refused(tmp_path: Path) -> None:
    for ident in (b"\x7fELF\x01\x01\x01", b"\x7fELF\x02\x02\x01"):
        with pytest.raises(WrongArchitectureError, match="another kind of file"):
            module_architecture(write_header(tmp_path / "module.so", 183, ident))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongArchitectureError, match="No such file"):
        module_architecture(tmp_path / "module.so")
