"""Which machine a shared library is for, and whether it is whole, read from its ELF header."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from android_runner.errors import AlteredFileError, WrongArchitectureError

# e_machine values of the System V ABI; the names are those of `uname -m`.
_MACHINES = {62: "x86_64", 183: "aarch64"}
_HEADER_BYTES = 64
_MACHINE_OFFSET = 18
_MAGIC = b"\x7fELF\x02\x01"  # class 2 (64 bits), data 1 (little-endian)


def module_architecture(module: Path) -> str:
    """Return ``x86_64`` or ``aarch64`` for a shared library.

    Raises:
        WrongArchitectureError: The file is missing, is no 64-bit little-endian ELF file, or is for neither.
        AlteredFileError: It is cut off; loading it would end this process with a bus error.
    """
    try:
        with module.open("rb") as file:
            header = file.read(_HEADER_BYTES)
            size_bytes = file.seek(0, os.SEEK_END)
    except OSError as exc:
        raise WrongArchitectureError(
            f"Expected a compiled module at {module}; got {exc.strerror}; compile the model first"
        ) from exc
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise WrongArchitectureError(
            f"Expected {module} to be a 64-bit shared library; got another kind of file; compile it again"
        )
    (machine,) = struct.unpack_from("<H", header, _MACHINE_OFFSET)
    if machine not in _MACHINES:
        raise WrongArchitectureError(
            f"Expected {module} to be for one of {sorted(_MACHINES.values())}; got ELF machine {machine}; "
            "compile it for the device's target"
        )
    # The table of sections comes last in what linkers write.
    (sections_offset,) = struct.unpack_from("<Q", header, 40)
    section_bytes, sections = struct.unpack_from("<HH", header, 58)
    if sections_offset + section_bytes * sections > size_bytes:
        raise AlteredFileError(f"Expected {module} to be whole; it is cut off; compile the model again")
    return _MACHINES[machine]


def machine_of(program: bytes) -> str | None:
    """Return ``x86_64`` or ``aarch64`` for the contents of a program; None for anything else."""
    if len(program) < _HEADER_BYTES or not program.startswith(_MAGIC):
        return None
    return _MACHINES.get(struct.unpack_from("<H", program, _MACHINE_OFFSET)[0])


def check_architecture(module: Path, device_arch: str, device_name: str) -> None:
    """Raise what `module_architecture` raises, or WrongArchitectureError unless the device can load it."""
    arch = module_architecture(module)
    if arch != device_arch:
        raise WrongArchitectureError(
            f"Expected a module for {device_name} ({device_arch}); got one for {arch}; "
            "compile the model for this device's target"
        )
