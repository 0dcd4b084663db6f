"""Build and run C programs around exports: the checks of the runtime, and models fed through pipes."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from frontend.c_export.export import RUNTIME, ExportReport

HERE = Path(__file__).parent
LIMIT_S = 120
WARNINGS = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
COMPILERS = {"x86_64": "gcc", "aarch64": "aarch64-linux-gnu-gcc"}
SANITIZED = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
RUNTIME_SOURCES = ("groupnet.c", "groupnet_pool.c")


def call(*command: object, given: bytes = b"") -> bytes:
    """Run a program; what it prints. An error shows what it said."""
    words = [str(word) for word in command]
    done = subprocess.run(words, input=given, capture_output=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, (words, done.stderr.decode(errors="replace"))
    return done.stdout


def build_checks(out: Path, arch: str = "x86_64", flags: Sequence[str] = ("-O2",)) -> Path:
    """The checks of the runtime, without any model."""
    sources = [HERE / "runtime_checks.c", *(RUNTIME / name for name in RUNTIME_SOURCES)]
    call(COMPILERS[arch], *WARNINGS, *flags, f"-I{RUNTIME}", *sources, "-pthread", "-o", out)
    return out


def build_harness(
    folder: Path, symbol: str, arch: str = "x86_64", flags: Sequence[str] = ("-O2", "-static")
) -> Path:
    """The program that feeds an export in `folder` through pipes; linked statically, it runs anywhere."""
    out = folder / "harness"
    sources = [HERE / "harness.c", *(folder / "runtime" / name for name in RUNTIME_SOURCES)]
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


def same_bits(left: Sequence[npt.NDArray[Any]], right: Sequence[npt.NDArray[Any]]) -> bool:
    """Whether all tensors are equal to the last bit."""
    return all(
        a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
        for a, b in zip(left, right, strict=True)
    )
