"""One object of everything that a model is: kernels, tables and weights; one symbol of it is global."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tvm

from frontend.c_export.driver import CONSTANTS
from frontend.c_export.plan import ALIGNMENT, Plan
from frontend.errors import BuildError
from tvm_schedules.code_generation import unchecked

_LIMIT_S = 300.0
_FLAGS = ("-std=c11", "-O2", "-fPIC", "-Wall", "-Wextra", "-Wpedantic", "-Werror")

EXTERNALS = frozenset(
    {"groupnet_parallel_launch", "groupnet_allocate_workspace", "groupnet_free_workspace"}
    | {"memset", "memcpy", "memmove"}
    | {"expf", "exp2f", "logf", "log2f", "powf", "tanhf", "sqrtf", "floorf", "ceilf", "roundf", "rintf"}
    | {"nearbyintf", "truncf", "fmaf", "fabsf", "erff", "sinf", "cosf", "fmodf", "fmaxf", "fminf"}
)
"""What an object may need from outside: the runtime's three functions, and functions of every C library."""


@dataclass(frozen=True)
class Toolchain:
    """The programs that make and look into objects of one architecture."""

    compiler: str
    linker: str
    objcopy: str
    nm: str


def toolchain_for(target: Any) -> Toolchain:
    """The tools for a target's architecture on this machine.

    Raises:
        BuildError: some are missing; the message names them.
    """
    machine = os.uname().machine
    architecture = str(target.attrs.get("mtriple", "")).split("-", 1)[0] or machine
    prefix = "" if architecture == machine else f"{architecture.replace('_', '-')}-linux-gnu-"
    names = [f"{prefix}{tool}" for tool in ("gcc", "ld", "objcopy", "nm")]
    found = [shutil.which(name) for name in names]
    missing = [name for name, path in zip(names, found, strict=True) if path is None]
    if missing:
        package = f"gcc-{prefix}".rstrip("-")
        raise BuildError(
            f"expected tools that make {architecture} objects; got no {', '.join(missing)}; install them "
            f"(Debian: apt-get install {package})"
        )
    return Toolchain(*(str(path) for path in found))


def build_object(
    plan: Plan, tables: Path, symbol: str, target: Any, headers: Path, toolchain: Toolchain, out: Path
) -> None:
    """Make the object `out` from the plan's kernels and constants and the C file `tables`.

    Only `symbol` is global in it, so that an app may hold any number of models.

    Raises:
        BuildError: code generation or a tool failed, or a kernel needs what no C library has.
    """
    with tempfile.TemporaryDirectory(prefix="groupnet-export-") as name:
        folder = Path(name)
        kernels, constants, driver = (folder / f"{part}.o" for part in ("kernels", "constants", "driver"))
        _generate_kernels(plan, target, kernels)
        _wrap_constants(plan, toolchain, folder, constants)
        _call(toolchain.compiler, *_FLAGS, f"-I{headers}", "-c", tables, "-o", driver)
        joined = folder / "joined.o"
        _call(toolchain.linker, "-r", "-o", joined, driver, constants, kernels)
        _call(toolchain.objcopy, f"--keep-global-symbol={symbol}", "--strip-unneeded", joined, out)
        _check_externals(out, toolchain)


def _generate_kernels(plan: Plan, target: Any, path: Path) -> None:
    module = tvm.IRModule(plan.kernels)
    try:
        with unchecked():
            tvm.compile(module, target=target).mod.write_to_file(str(path), "o")
    except (RuntimeError, ValueError, TypeError) as error:
        raise BuildError(f"expected code for {target}; got a failure while building: {error}") from error


def _wrap_constants(plan: Plan, toolchain: Toolchain, folder: Path, path: Path) -> None:
    """Constants as they are in an object; as C they would take the compiler minutes."""
    content, source = folder / "constants.bin", folder / "constants.S"
    # Not empty, whatever the model.
    content.write_bytes(plan.constants or bytes(ALIGNMENT))
    source.write_text(
        f'.section .rodata\n.balign {ALIGNMENT}\n.globl {CONSTANTS}\n{CONSTANTS}:\n.incbin "constants.bin"\n'
        '.section .note.GNU-stack,"",%progbits\n',
        encoding="utf-8",
    )
    _call(toolchain.compiler, "-c", source, f"-Wa,-I{folder}", "-o", path)


def _check_externals(path: Path, toolchain: Toolchain) -> None:
    listed = _call(toolchain.nm, "--undefined-only", "--format=posix", path)
    needed = {line.split()[0] for line in listed.splitlines() if line.strip()}
    foreign = sorted(needed - EXTERNALS - {"_GLOBAL_OFFSET_TABLE_"})
    if foreign:
        raise BuildError(
            f"expected kernels that need the C library alone; got {', '.join(foreign)}; compile to a bundle "
            "instead"
        )


def _call(*command: str | Path) -> str:
    """Run a tool; answer what it printed."""
    try:
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, timeout=_LIMIT_S, check=True
        )
    except subprocess.CalledProcessError as error:
        last = error.stderr.strip().splitlines()[-1:] or ["no message"]
        raise BuildError(f"expected {command[0]} to succeed; got {last[0]}; see the tool's manual") from error
    except subprocess.TimeoutExpired as error:
        raise BuildError(
            f"expected {command[0]} to end within {_LIMIT_S:.0f} s; it did not; free the machine"
        ) from error
    return done.stdout
