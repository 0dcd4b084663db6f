"""Which machine a shared library is for, read from its ELF header."""

from __future__ import annotations

import struct
from pathlib import Path

from android_runner.errors import WrongArchitectureError

# e_machine values of the System V ABI; the names are those of `uname -m`.
_MACHINES = {62: "x86_64", 183: "aarch64"}
_HEADER_BYTES = 20


def module_architecture(module: Path) -> str:
    """Return ``x86_64`` or ``aarch64`` for a shared library.

    Raises:
        WrongArchitectureError: The file is missing, is no 64-bit little-endian ELF file, or is for neither.
    """
    try:
        with module.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except OSError as exc:
        raise WrongArchitectureError(
            f"Expected a compiled module at {module}; got {exc.strerror}; compile the model first"
        ) from exc
    # \x7fELF, class 2 (64 bits), data 1 (little-endian).
    if len(header) < _HEADER_BYTES or not header.startswith(b"\x7fELF\x02\x01"):
        raise WrongArchitectureError(
            f"Expected {module} to be a 64-bit shared library; got another kind of file; compile it again"
        )
    (machine,) = struct.unpack_from("<H", header, 18)
    if machine not in _MACHINES:
        raise WrongArchitectureError(
            f"Expected {module} to be for one of {sorted(_MACHINES.values())}; got ELF machine {machine}; "
            "compile it for the device's target"
        )
    return _MACHINES[machine]


def check_architecture(module: Path, device_arch: str, device_name: str) -> None:
    """Raise WrongArchitectureError unless a device of ``device_arch`` can load ``module``."""
    arch = module_architecture(module)
    if arch != device_arch:
        raise WrongArchitectureError(
            f"Expected a module for {device_name} ({device_arch}); got one for {arch}; "
            "compile the model for this device's target"
        )
