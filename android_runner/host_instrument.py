"""The device server's instrument on this machine: `device_server/call_profile.cc` as a library."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from android_runner.call_profile import PROFILE_CALLS
from android_runner.errors import RuntimeBuildError
from android_runner.runtime_cache import cached_folder, default_cache_dir

_SOURCES = Path(__file__).parent / "device_server"
_SOURCE = _SOURCES / "call_profile.cc"
_HEADER = _SOURCES / "call_profile.h"
_LIBRARY = "call_profile.so"
_FLAGS = ("-std=c++17", "-O2", "-Wall", "-Wextra", "-shared", "-fPIC")
_COMPILE_TIMEOUT_S = 300.0


@cache
def host_profiler() -> Any:
    """Return the function `groupnet.profile_calls` for modules of this process; compiled once, then cached.

    Raises:
        RuntimeBuildError: There is no compiler, or it failed.
    """
    import tvm_ffi
    import tvm_ffi.libinfo

    compiler = shutil.which("g++")
    if compiler is None:
        raise RuntimeBuildError(
            "Expected g++ to compile the instrument for this machine; it is not installed; "
            "run `apt-get install g++`"
        )
    library = Path(tvm_ffi.libinfo.find_libtvm_ffi())
    includes = [tvm_ffi.libinfo.find_include_path(), tvm_ffi.libinfo.find_dlpack_include_path()]
    # As system headers, so that warnings are about our code; linked with the very library of this process.
    command = [compiler, *_FLAGS, *(option for path in includes for option in ("-isystem", path))]
    command += [str(_SOURCE), str(library), f"-Wl,-rpath,{library.parent}"]
    recipe = hashlib.sha256(repr(command).encode() + _SOURCE.read_bytes() + _HEADER.read_bytes())
    folder = default_cache_dir() / f"host-instrument-{recipe.hexdigest()[:16]}"
    built = cached_folder(folder, lambda new: _compile([*command, "-o", str(new / _LIBRARY)])) / _LIBRARY
    ctypes.CDLL(str(built), mode=os.RTLD_NOW)  # registers its function when it is loaded
    return tvm_ffi.get_global_func(PROFILE_CALLS)


def _compile(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_COMPILE_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as exc:
        raise RuntimeBuildError(
            f"Compiling the instrument took longer than {_COMPILE_TIMEOUT_S:g} s; try again"
        ) from exc
    if done.returncode != 0:
        said = (done.stderr.strip() or "nothing said").splitlines()[-1]
        raise RuntimeBuildError(f"Compiling the instrument failed ({said}); check g++")
