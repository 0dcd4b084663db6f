"""Count the arm64 instructions that kernels execute: each is called once, emulated, between two marks.

The kernels are compiled as for a phone and linked with `counting_driver.c`; `qemu-aarch64` runs the program
with `counting_plugin.c`. Counts are exact and the same every time: of everything from the kernel's first
instruction to its return, what it calls of libc included.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tvm

from benchmarks.build_tool import run_tool
from benchmarks.errors import BenchmarkError
from benchmarks.network_kernels import extents
from tvm_schedules.code_generation import unchecked

CLASSES = ("simd_fp", "load", "store", "integer", "branch", "other")
"""In the order of the plugin: arithmetic on vectors or floats; loads and stores of any register; ..."""

_HERE = Path(__file__).parent
_DTYPE_CODES = {"int": 0, "uint": 1, "float": 2, "bool": 6}  # DLPack's
_COMPILER = "aarch64-linux-gnu-gcc"


@dataclass(frozen=True)
class Counts:
    """Executed instructions by class."""

    by_class: dict[str, int]

    @property
    def total(self) -> int:
        """All instructions."""
        return sum(self.by_class.values())

    def __add__(self, other: "Counts") -> "Counts":
        """Counts of one after the other."""
        return Counts({name: self.by_class[name] + other.by_class[name] for name in CLASSES})

    def __mul__(self, times: int) -> "Counts":
        """Counts of `times` calls."""
        return Counts({name: count * times for name, count in self.by_class.items()})


Blocks = Counter[tuple[int, int]]
"""How often the processor entered each block of code, by its address and number of instructions. Blocks may
overlap, and end at the latest with a branch."""


@dataclass(frozen=True)
class Executed:
    """What was executed, twice told: instructions by class, and blocks of instructions."""

    counts: Counts
    blocks: Blocks

    def __sub__(self, other: "Executed") -> "Executed":
        """What is left without the other's; blocks that only the other entered are not."""
        return Executed(self.counts + other.counts * -1, self.blocks - other.blocks)


# `mov w0, #0` and `ret`.
_EMPTY_KERNEL = Counts(dict.fromkeys(CLASSES, 0) | {"integer": 1, "branch": 1})


def count_kernels(kernels: Sequence[Any], target: Any, cpu: str) -> dict[str, Counts]:
    """Instructions of one call of each kernel, by the kernel's name.

    Args:
        kernels: scheduled PrimFuncs whose parameters are all tensors.
        target: the AArch64 target to compile them for.
        cpu: qemu's name of the core to emulate; libc chooses its routines by it.

    Raises:
        BenchmarkError: a tool is missing or failed, or a kernel did.
    """
    with kernels_program(kernels, target) as program:
        return {name: executed.counts for name, executed in run_kernels(kernels, program, cpu).items()}


@contextmanager
def kernels_program(kernels: Sequence[Any], target: Any) -> Iterator[Path]:
    """Give a static AArch64 program that calls each kernel once, for `run_kernels`; it is removed at the end.

    Raises:
        BenchmarkError: a tool is missing or failed.
    """
    functions = {_name(kernel): kernel for kernel in kernels}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with unchecked():
            compiled = tvm.compile(tvm.IRModule(functions), target=target)
        compiled.mod.write_to_file(str(folder / "kernels.o"))
        (folder / "kernels.h").write_text(_call_table(functions), encoding="utf-8")
        sources: list[str | Path] = [_HERE / "counting_driver.c", folder / "kernels.o"]
        flags: list[str | Path] = ["-O2", "-Werror", "-static", "-I", folder]
        command = [_COMPILER, *flags, "-o", folder / "driver", *sources, "-lm"]
        run_tool(command, package="gcc-aarch64-linux-gnu")
        yield folder / "driver"


def run_kernels(kernels: Sequence[Any], program: Path, cpu: str) -> dict[str, Executed]:
    """Run the program of these kernels; return what one call of each executed, by the kernel's name.

    Raises:
        BenchmarkError: a tool is missing or failed, or a kernel did.
    """
    names = list(dict.fromkeys(map(_name, kernels)))
    return dict(zip(names, _between_marks(run_counted(program, cpu), len(names)), strict=True))


def run_counted(program: Path, cpu: str, mark: str = "counting_mark") -> list[Executed]:
    """Run a static AArch64 program and take what it executed so far at each call of its function `mark`."""
    with tempfile.TemporaryDirectory() as name:
        plugin, out = Path(name) / "plugin.so", Path(name) / "counts"
        run_tool(["gcc", "-O2", "-shared", "-fPIC", "-o", plugin, _HERE / "counting_plugin.c"], package="gcc")
        options = f"{plugin},mark={_address(program, mark)},out={out}"
        run_tool(["qemu-aarch64", "-cpu", cpu, "-plugin", options, program], package="qemu-user")
        return [_snapshot(line) for line in out.read_text(encoding="ascii").splitlines()]


def _name(kernel: Any) -> str:
    return str(kernel.attrs["global_symbol"])


def _snapshot(line: str) -> Executed:
    fields = line.split()
    counts, blocks = map(int, fields[: len(CLASSES)]), Blocks()
    for field in fields[len(CLASSES) :]:
        address, instructions, times = map(int, field.split(":"))
        blocks[address, instructions] = times
    return Executed(Counts(dict(zip(CLASSES, counts, strict=True))), blocks)


def _address(program: Path, symbol: str) -> str:
    listing = run_tool(["aarch64-linux-gnu-nm", program], package="binutils-aarch64-linux-gnu")
    for line in listing.splitlines():
        fields = line.split()
        if fields[-1] == symbol:
            return f"0x{fields[0]}"
    raise BenchmarkError(f"expected a function {symbol} in {program}; got none: it marks what is counted")


def _between_marks(snapshots: Sequence[Executed], kernels: int) -> list[Executed]:
    """What each kernel took: the second mark less the first, less what calling an empty kernel takes."""
    if len(snapshots) != 2 * (kernels + 1):
        raise BenchmarkError(
            f"expected {2 * (kernels + 1)} snapshots of {kernels} kernels and an empty one; got "
            f"{len(snapshots)}: does this qemu load plugins?"
        )
    spans = [last - first for first, last in zip(snapshots[::2], snapshots[1::2], strict=True)]
    calling = Executed(spans[0].counts + _EMPTY_KERNEL * -1, spans[0].blocks)
    return [span - calling for span in spans[1:]]


def _call_table(functions: dict[str, Any]) -> str:
    """The text of `kernels.h`."""
    declarations, calls = [], []
    for name, function in functions.items():
        types = ", ".join(_tensor_type(parameter) for parameter in function.params)
        declarations.append(f"Kernel __tvm_ffi_{name};")
        calls.append(f'  {{__tvm_ffi_{name}, "{name}", {len(function.params)}, {{{types}}}}},')
    return "\n".join([*declarations, "static const Call calls[] = {", *calls, "};", ""])


def _tensor_type(parameter: Any) -> str:
    shape = extents(parameter)
    dtype = tvm.DataType(str(parameter.ty.dtype))
    code = _DTYPE_CODES[str(dtype).rstrip("0123456789")]
    return f"{{{len(shape)}, {{{', '.join(map(str, shape)) or 0}}}, {code}, {dtype.bits}}}"
