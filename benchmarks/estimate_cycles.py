"""Estimate the cycles of arm64 kernels without hardware: what was executed, weighed by llvm-mca.

A kernel is called once under emulation, which counts how often each of its instructions was executed
(`count_instructions.py`). Instructions that follow each other and were executed equally often are a *run*;
the body of a loop is one. llvm-mca simulates a run, repeated without end, on LLVM's model of a core: so many
cycles each repetition takes. The estimate is the sum over all runs of executions times cycles.

It leaves out: every cache and the memory behind it, the end of each loop (branches are always predicted),
what overlaps from one run to the next, and calls. It knows only what LLVM's model says of a core.
"""

import json
import re
import shutil
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.build_tool import run_tool
from benchmarks.count_instructions import Blocks, kernels_program, run_kernels

MCA, DISASSEMBLER, PACKAGE = "llvm-mca-19", "llvm-objdump-19", "llvm-19"
"""Of one release, so that estimates compare; older ones have no model of the Neoverse N1."""


@dataclass(frozen=True)
class Core:
    """How a core that is not at hand is stood in for.

    Attributes:
        qemu: the core whose instructions are executed; qemu need not know the very one.
        model: LLVM's name of the core by whose model cycles are estimated.
    """

    qemu: str
    model: str


CORES = {
    "cortex-a53": Core("cortex-a53", "cortex-a53"),
    "cortex-a55": Core("cortex-a76", "cortex-a55"),
    # LLVM's model of the A72 is that of the A57.
    "cortex-a72": Core("cortex-a72", "cortex-a72"),
    # LLVM 19 takes the A76 for an A57; the Neoverse N1 is the A76 for servers, and has a model of its own.
    "cortex-a76": Core("cortex-a76", "neoverse-n1"),
}
"""By LLVM's name of the core that kernels are compiled for."""

_ITERATIONS = (40, 80)
"""The difference of two simulations is free of filling and emptying the pipeline."""

_BRANCH = re.compile(r"b|b\.\w+|bl|blr|br|ret|cbn?z|tbn?z")
_CALLS = ("bl", "blr")
_ADDRESS = re.compile(r"(?<=\s)0x[0-9a-f]+( <.*>)?$")
_LINE = re.compile(r"\s*([0-9a-f]+):\s+(\S.*)")


@dataclass(frozen=True)
class Estimate:
    """Of one call of a kernel: instructions, exact, and cycles."""

    instructions: int
    cycles: float


def mca_installed() -> bool:
    """Whether cycles can be estimated on this machine."""
    return shutil.which(MCA) is not None and shutil.which(DISASSEMBLER) is not None


def mca_version() -> str:
    """The release of llvm-mca.

    Raises:
        BenchmarkError: it is missing.
    """
    said = re.search(r"version (\S+)", run_tool([MCA, "--version"], package=PACKAGE))
    return said[1] if said else "of an unknown release"


def estimate_kernels(kernels: Sequence[Any], target: Any, core: Core) -> dict[str, Estimate]:
    """Instructions and cycles of one call of each kernel, by the kernel's name.

    Args:
        kernels: scheduled PrimFuncs whose parameters are all tensors.
        target: the AArch64 target to compile them for.
        core: what executes them, and whose model tells the cycles.

    Raises:
        BenchmarkError: a tool is missing or failed, or a kernel did.
    """
    with kernels_program(kernels, target) as program:
        executed = run_kernels(kernels, program, core.qemu)
        listing = disassemble(program)
    runs = {name: executed_runs(one.blocks, listing) for name, one in executed.items()}
    cycles = run_cycles({run for found in runs.values() for run, _ in found}, core.model)
    return {
        name: Estimate(executed[name].counts.total, sum(times * cycles[run] for run, times in found))
        for name, found in runs.items()
    }


def disassemble(program: Path) -> dict[int, str]:
    """Instructions of a program by address, as llvm-mca reads them: addresses of data and code are 0 there.

    Raises:
        BenchmarkError: the tool is missing or failed.
    """
    listing = run_tool([DISASSEMBLER, "-d", "--no-show-raw-insn", "--mattr=+all", program], package=PACKAGE)
    found = {}
    for line in listing.splitlines():
        if matched := _LINE.fullmatch(line):
            found[int(matched[1], 16)] = _ADDRESS.sub("#0", matched[2])
    return found


Run = tuple[str, ...]
"""Instructions that follow each other, calls left out."""


def executed_runs(blocks: Blocks, listing: Mapping[int, str]) -> list[tuple[Run, int]]:
    """Divide what was executed into runs; return each with the number of its executions.

    Args:
        blocks: what was executed; they may overlap.
        listing: the program's instructions by address.
    """
    times: dict[int, int] = {}
    for (address, instructions), entered in blocks.items():
        for place in range(address, address + 4 * instructions, 4):
            times[place] = times.get(place, 0) + entered
    runs: list[tuple[list[str], int]] = []
    before, ended = -1, True
    for place in sorted(times):
        if ended or place != before + 4 or times[place] != times[before]:
            runs.append(([], times[place]))
        mnemonic = listing[place].split(maxsplit=1)[0]
        if mnemonic not in _CALLS:
            runs[-1][0].append(listing[place])
        before, ended = place, _BRANCH.fullmatch(mnemonic) is not None
    return [(tuple(instructions), executed) for instructions, executed in runs if instructions]


def run_cycles(runs: Iterable[Run], model: str) -> dict[Run, float]:
    """Cycles that each run takes when it is repeated without end, on LLVM's model of a core.

    Raises:
        BenchmarkError: the tool is missing or failed.
    """
    listed = list(runs)
    fewer, more = (_simulated(listed, model, iterations) for iterations in _ITERATIONS)
    repetitions = _ITERATIONS[1] - _ITERATIONS[0]
    return {run: (last - first) / repetitions for run, first, last in zip(listed, fewer, more, strict=True)}


def _simulated(runs: Sequence[Run], model: str, iterations: int) -> list[int]:
    regions = ("\n".join(["# LLVM-MCA-BEGIN", *run, "# LLVM-MCA-END", ""]) for run in runs)
    quiet = ["--instruction-info=false", "--resource-pressure=false"]
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "runs.s"
        source.write_text("".join(regions), encoding="ascii")
        command = [MCA, "--mtriple=aarch64", f"--mcpu={model}", "--mattr=+all", *quiet]
        answer = run_tool([*command, f"--iterations={iterations}", "--json", source], package=PACKAGE)
    return [int(region["SummaryView"]["TotalCycles"]) for region in json.loads(answer)["CodeRegions"]]
