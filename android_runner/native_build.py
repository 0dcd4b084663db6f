"""Builds `groupnet_bench`: exported models and the program that checks and times them, in one executable."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from android_runner.errors import NativeBuildError
from android_runner.native_tables import NativeModel, write_examples, write_models

Libc = Literal["musl", "glibc"]

SOURCES = Path(__file__).parent / "native"

FLAGS = ("-std=c11", "-O2", "-g0", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fno-strict-aliasing")
# Pages of 16 KB are what newer phones have; no build id, so that the same input gives the same file.
_LINK = ("-Wl,-z,max-page-size=16384", "-Wl,--build-id=none", "-lm", "-pthread", "-s")
_LIMIT_S = 600.0


@dataclass(frozen=True)
class Compiler:
    """A C compiler for one architecture, and the C library that it links.

    Attributes:
        command: The program with the options that choose the architecture.
        libc: `musl` or `glibc`.
        static: Whether the executable needs nothing of the device; always for another machine than this.
    """

    command: tuple[str, ...]
    libc: Libc
    static: bool


def find_compiler(arch: str, libc: Libc | None = None) -> Compiler:
    """Return a compiler for `x86_64` or `aarch64`.

    Args:
        arch: The architecture.
        libc: The C library; None: musl for other machines where its compiler is installed, else glibc. Apps
            need musl: the filter that Android puts before system calls of apps refuses some of glibc's.

    Raises:
        NativeBuildError: It is not installed.
    """
    own = arch == os.uname().machine
    if libc == "musl" and arch == "x86_64":
        raise NativeBuildError(
            "Expected musl for aarch64; got it for x86_64, where its compiler cannot tell which instruction "
            "sets a processor has; take glibc"
        )
    has_zig = importlib.util.find_spec("ziglang") is not None
    if libc == "musl" or (libc is None and arch == "aarch64" and not own and has_zig):
        if not has_zig:
            raise NativeBuildError(
                "Expected the compiler that brings musl; it is not installed; "
                "run `pip install -c constraints.txt 'groupnet[native]'`"
            )
        # It knows where its own copy of musl lies, and builds it once.
        command = (sys.executable, "-m", "ziglang", "cc", "-target", f"{arch}-linux-musl")
        return Compiler(command, "musl", True)
    program = shutil.which("gcc" if own else f"{arch}-linux-gnu-gcc")
    if program is None:
        package = "gcc" if own else f"gcc-{arch}-linux-gnu"
        raise NativeBuildError(
            f"Expected a C compiler for {arch}; it is not installed; run `apt-get install {package}`"
        )
    return Compiler((program,), "glibc", not own)


def build_native(
    models: Sequence[NativeModel],
    out: Path,
    *,
    target: str,
    compiler: Compiler,
    flags: Sequence[str] = (),
) -> None:
    """Build an executable of at least one model at `out`, which is replaced as a whole.

    Args:
        models: Exports for one architecture; their names in C differ.
        out: The file.
        target: What the executable says that its models are compiled for.
        compiler: For that architecture.
        flags: Further options of the compiler, for tests: sanitizers, say.

    Raises:
        NativeBuildError: Two models have one name in C, or the compiler failed.
    """
    symbols = [model.symbol for model in models]
    if twice := sorted({symbol for symbol in symbols if symbols.count(symbol) > 1}):
        raise NativeBuildError(
            f"Expected models of different names; got {', '.join(twice)} twice; build two executables"
        )
    with tempfile.TemporaryDirectory(prefix="groupnet-native-") as name:
        folder = Path(name)
        (folder / "models.c").write_text(write_models(models, target, compiler.libc), encoding="utf-8")
        (folder / "examples.S").write_text(write_examples(models), encoding="utf-8")
        for model in models:
            for part in ("input", "output"):
                shutil.copyfile(model.folder / f"{part}.bin", folder / f"{model.symbol}_{part}.bin")
        runtime = models[0].folder / "runtime"
        sources = [*sorted(SOURCES.glob("*.c")), *sorted(runtime.glob("*.c")), folder / "models.c"]
        objects = [model.folder / "model.o" for model in models]
        includes = ["-iquote", str(runtime), "-iquote", str(SOURCES), f"-Wa,-I{folder}"]
        static = ["-static"] if compiler.static else []
        made = folder / "groupnet_bench"
        command = [*compiler.command, *FLAGS, *flags, *static, *includes, *map(str, sources)]
        command += [str(folder / "examples.S"), *map(str, objects), *_LINK, "-o", str(made)]
        _run(command)
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=out.parent, prefix=f".{out.name}.", delete=False) as partial:
            partial.write(made.read_bytes())
        Path(partial.name).chmod(0o755)
        Path(partial.name).replace(out)


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_LIMIT_S, check=False, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired as exc:
        raise NativeBuildError(
            f"Expected the benchmark to be compiled within {_LIMIT_S:g} s; it was not; free the machine"
        ) from exc
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["nothing"]
        said = next((line for line in lines if "error" in line), lines[-1])
        raise NativeBuildError(
            f"Expected the benchmark to be compiled; the compiler said: {said}; check the compiler's version"
        )
