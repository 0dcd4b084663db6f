"""Build and run C programs around exports: the checks of the runtime, and models fed through pipes."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from frontend import compile as compiling
from frontend.build import build_library
from frontend.c_export.driver import Identity
from frontend.c_export.export import RUNTIME, ExportReport, export_plan
from frontend.c_export.plan import read_plan
from frontend.compile import CompileReport
from frontend.normalisation import Normalisation
from tvm_schedules.targets import resolve_target

HERE = Path(__file__).parent
LIMIT_S = 120
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
COMPILERS = {"x86_64": "gcc", "aarch64": "aarch64-linux-gnu-gcc"}
SANITIZED = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
THREADS_CHECKED = ("-g", "-O1", "-fsanitize=thread")
RUNTIME_SOURCES = ("groupnet.c", "groupnet_pool.c")
FUNCTIONS = ("main", "verify")


def call(*command: object, given: bytes = b"", limit_s: float = LIMIT_S) -> bytes:
    """Run a program; what it prints. An error shows what it said."""
    words = [str(word) for word in command]
    done = subprocess.run(words, input=given, capture_output=True, timeout=limit_s, check=False)
    assert done.returncode == 0, (words, done.stderr.decode(errors="replace"))
    return done.stdout


def build_checks(out: Path, arch: str = "x86_64", flags: Sequence[str] = ("-O2",)) -> Path:
    """The checks of the runtime, without any model."""
    sources = [HERE / "runtime_checks.c", *(RUNTIME / name for name in RUNTIME_SOURCES)]
    wrapped = "-Wl,--wrap=pthread_create"  # which the checks let fail
    call(COMPILERS[arch], *WARNINGS, *flags, f"-I{RUNTIME}", *sources, wrapped, "-pthread", "-o", out)
    return out


def build_harness(
    folder: Path,
    symbol: str,
    arch: str = "x86_64",
    flags: Sequence[str] = ("-O2", "-static"),
    program: str = "harness",
) -> Path:
    """The program that feeds an export in `folder` through pipes; linked statically, it runs anywhere.

    `program` names the source; `fuzz` misuses the export instead.
    """
    out = folder / program
    sources = [HERE / f"{program}.c", *(folder / "runtime" / name for name in RUNTIME_SOURCES)]
    names = (f"-DMODEL={symbol}", f"-DMEMORY_BYTES={symbol.upper()}_MEMORY_BYTES")
    includes = (f"-I{folder}", f"-I{folder / 'runtime'}")
    objects = (folder / "model.o", "-lm", "-pthread")
    call(COMPILERS[arch], *WARNINGS, *flags, *names, *includes, *sources, *objects, "-o", out)
    return out


@dataclass(frozen=True)
class CModule:
    """Exported functions as a `LoadedModule`, each a program that is started for each run."""

    programs: dict[str, tuple[Path, ExportReport]]
    prefix: tuple[str, ...] = ()
    threads: int = 1
    instances: int = 1
    runs: int = 1

    def run(self, function: str, inputs: Sequence[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
        program, report = self.programs[function]
        for tensor, array in zip(report.inputs, inputs, strict=True):
            assert (tensor.shape, tensor.dtype) == (array.shape, str(array.dtype))
        given = b"".join(np.ascontiguousarray(array).tobytes() for array in inputs)
        said = call(*self.prefix, program, self.threads, self.instances, self.runs, given=given)
        results, offset = [], 0
        for tensor in report.outputs:
            values = np.frombuffer(said, tensor.dtype, int(np.prod(tensor.shape)), offset)
            results.append(values.reshape(tensor.shape))
            offset += tensor.size_bytes
        assert offset == len(said)
        return results


@dataclass(frozen=True)
class Built:
    """A network for one target: as a module's plan, as C in a folder for each function, and its programs."""

    planned: Any
    folders: dict[str, Path]
    module: CModule


def compile_keeping_plan(
    exported: Any, target: str, library: Path, normalisation: Normalisation | None
) -> tuple[Any, CompileReport]:
    """Write the library of a bundle; return the planned module that it was built from, and the report."""
    kept = []

    def keep(planned: Any, target: Any, path: Path) -> None:
        kept.append(planned)
        build_library(planned, target, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiling, "build_library", keep)
        report = compiling.compile_model(
            exported, resolve_target(target), library, normalisation=normalisation
        )
    return kept[0], report


def build_c(planned: Any, target: str, arch: str, folder: Path, identity: Identity) -> Built:
    """Export `main` and `verify` of a planned module into subfolders of `folder`, and build their programs.

    Each is called by the identity's name with its own behind it.
    """
    programs, folders = {}, {}
    for function in FUNCTIONS:
        folders[function] = folder / function
        folders[function].mkdir()
        named = replace(identity, name=f"{identity.name}-{function}")
        plan = read_plan(planned, function)
        report = export_plan(plan, resolve_target(target), folders[function], named)
        programs[function] = (build_harness(folders[function], report.symbol, arch), report)
    return Built(planned, folders, CModule(programs))


def same_bits(left: Sequence[npt.NDArray[Any]], right: Sequence[npt.NDArray[Any]]) -> bool:
    """Whether all tensors are equal to the last bit."""
    return all(
        a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
        for a, b in zip(left, right, strict=True)
    )
