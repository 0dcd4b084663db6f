"""Refuses a benchmark program that could not run inside the app, before it is on a phone."""

from __future__ import annotations

import struct
from pathlib import Path

from android_runner.app.aligned_zip import PAGE_BYTES
from android_runner.elf import module_architecture
from android_runner.errors import AppBuildError

_LOADED, _INTERPRETER = 1, 3
"""Kinds of program headers: a segment in memory, and the dynamic loader's name."""


def check_executable(path: Path) -> None:
    """Check that a file is a statically linked arm64 program that pages of 16 KB suit.

    Apps have no loader but Android's own, and newer phones have pages of 16 KB.

    Raises:
        AppBuildError: It is for another machine, dynamic, or its segments lie closer.
        WrongArchitectureError, AlteredFileError: It is missing, no program at all, or cut off.
    """
    machine = module_architecture(path)
    headers = program_headers(path)
    is_dynamic = any(kind == _INTERPRETER for kind, _ in headers)
    closest = min((alignment for kind, alignment in headers if kind == _LOADED), default=0)
    if machine != "aarch64" or is_dynamic or closest < PAGE_BYTES:
        raise AppBuildError(
            f"Expected a statically linked arm64 program with segments on {PAGE_BYTES} bytes; got {path}: "
            f"{machine}, {'dynamically' if is_dynamic else 'statically'} linked, segments on {closest}; "
            "make one with `groupnet native build --target arm64`"
        )


def program_headers(path: Path) -> list[tuple[int, int]]:
    """Return kind and alignment of each program header of a 64-bit ELF file."""
    content = path.read_bytes()
    (offset,) = struct.unpack_from("<Q", content, 32)
    size, count = struct.unpack_from("<HH", content, 54)
    headers = [struct.unpack_from("<I44xQ", content, offset + index * size) for index in range(count)]
    return [(kind, alignment) for kind, alignment in headers]
