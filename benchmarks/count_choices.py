"""Choose tiles for cores that no hardware is at hand of, by what kernels execute under emulation.

`python -m benchmarks.count_choices DIR [--cpu cortex-a76] [--net groupnet_resnet18:5] [--most 48] [--json]`

For each kernel its default and up to `--most` other choices, drawn at random where there are more, are built
and executed. The one of fewest cycles, as llvm-mca estimates them (`estimate_cycles.py`), is recorded in DIR
as the kernel's winner, labelled `estimated`; without llvm-mca that of fewest instructions, `counted`.
`groupnet compile --db DIR` uses it for as long as nothing was timed. Neither is a promise of less time.
Kernels that a record of DIR decides already, obtained in as good a way, are skipped.
"""

import random
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from android_runner.tuning.records import TRUST, Conditions, Database, Obtained, Record, best_records
from android_runner.tuning.session import FASTER
from benchmarks.count_instructions import count_kernels
from benchmarks.errors import BenchmarkError
from benchmarks.estimate_cycles import CORES, PACKAGE, Core, estimate_kernels, mca_installed, mca_version
from benchmarks.network_names import parse_net
from benchmarks.rows import print_rows
from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_result, progress, table
from groupnet.model_source import Request
from groupnet.tune import model_kernels
from groupnet.tuned_kernels import core_of
from tvm_schedules.targets import resolve_target
from tvm_schedules.tuning.choice import Choice
from tvm_schedules.tuning.request import KernelTask, kernel_name
from tvm_schedules.tuning.spaces import kernel_space

MARGINS: dict[Obtained, float] = {"counted": FASTER, "estimated": 0.97}
"""A choice wins over the default below this share of its instructions, or cycles: models of cores err."""


@verb
def main(
    folder: Annotated[Path, typer.Argument(help="Folder of the records.")],
    cpu: Annotated[list[str] | None, typer.Option(help=f"A core, once each; {', '.join(CORES)}.")] = None,
    net: Annotated[
        list[str] | None,
        typer.Option(
            help="ARCHITECTURE:K or a name of the zoo, once each.", show_default="groupnet_resnet18:5"
        ),
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Choices of a kernel, beside its default.")] = 48,
    as_json: AsJson = False,
) -> None:
    """Find out what kernels had best be built with, without hardware, and record it for each kernel."""
    requests = [_request(text) for text in net or ["groupnet_resnet18:5"]]
    cores = {name: _core(name) for name in cpu or CORES}
    obtained: Obtained = "estimated" if mca_installed() else "counted"
    if obtained == "counted":
        note(f"note: no llvm-mca here ({PACKAGE}): what executes the fewest instructions is chosen")
    database = Database(folder)
    rows: list[dict[str, Any]] = []
    with progress() as say:
        for name, core in cores.items():
            target = resolve_target(name)
            known = best_records(database.read(core_of(target)), threads=1)
            decided = {key for key, record in known.items() if TRUST[record.obtained] >= TRUST[obtained]}
            for request in requests:
                for task in model_kernels(request, target, say):
                    if task.key in decided:
                        continue
                    say(f"{name}: {task.key}")
                    record = choose(task, target, core, most, obtained)
                    database.add(record)
                    decided.add(task.key)
                    rows.append(_row(record, task.calls))
    if as_json:
        print_rows(rows)
    else:
        _print_table(rows)


def _request(text: str) -> Request:
    return parse_net(text).request if ":" in text else Request(text, None, None)


def _core(name: str) -> Core:
    if name not in CORES:
        raise BenchmarkError(f"expected a core of {', '.join(CORES)}; got '{name}'; give one of them")
    return CORES[name]


def choose(task: KernelTask, target: Any, core: Core, most: int, obtained: Obtained) -> Record:
    """Compare a kernel's default with up to `most` other choices; return the winner's record.

    The default keeps its place unless another takes less than `MARGINS` say of its cycles, or instructions.

    Args:
        task: the kernel.
        target: what it is built for.
        core: what stands in for the core that it is built for.
        most: choices beside the default, drawn the same every time.
        obtained: `estimated`, by cycles, or `counted`, by instructions.

    Raises:
        BenchmarkError: a tool is missing or failed, or a kernel did.
    """
    default, *others = kernel_space(task.request, target)
    choices = [default, *sampled(others, most)]
    instructions, cycles = executed(task, choices, target, core, obtained)
    cost = cycles or instructions
    best = min(cost, key=cost.__getitem__)
    if cost[best] >= MARGINS[obtained] * cost[default]:
        best = default
    return Record(
        key=task.key,
        choice=str(best),
        default=str(default),
        outcome="ok",
        obtained=obtained,
        instructions=instructions[best],
        default_instructions=instructions[default],
        cycles=cycles[best] if cycles else None,
        default_cycles=cycles[default] if cycles else None,
        confirmed=True,
        conditions=Conditions(
            core=core_of(target),
            cpu=_stand_in(core, obtained),
            threads=1,
            tvm=version("apache-tvm"),
            groupnet=version("groupnet"),
            emulated=True,
        ),
    )


def sampled(choices: Sequence[Choice], most: int) -> list[Choice]:
    """Draw choices, the same ones every time."""
    return random.Random(0).sample(choices, min(most, len(choices)))


def executed(
    task: KernelTask, choices: Sequence[Choice], target: Any, core: Core, obtained: Obtained
) -> tuple[dict[Choice, int], dict[Choice, int] | None]:
    """Instructions and cycles of one call of a kernel by choice; no cycles where they are not estimated."""
    kernels = {choice: task.request.build(target, choice) for choice in choices}
    names = {choice: kernel_name(kernel) for choice, kernel in kernels.items()}
    if len(set(names.values())) != len(kernels):
        raise BenchmarkError(
            f"expected {len(kernels)} kernels of different names; got {len(set(names.values()))}: "
            "a kernel's name must tell its choice"
        )
    built = list(kernels.values())
    if obtained == "counted":
        counts = count_kernels(built, target, core.qemu)
        return {choice: counts[name].total for choice, name in names.items()}, None
    found = estimate_kernels(built, target, core)
    instructions = {choice: found[name].instructions for choice, name in names.items()}
    return instructions, {choice: round(found[name].cycles) for choice, name in names.items()}


def _stand_in(core: Core, obtained: Obtained) -> str:
    executing = f"qemu {core.qemu}"
    return executing if obtained == "counted" else f"{executing}, llvm-mca {mca_version()} {core.model}"


def _row(record: Record, calls: int) -> dict[str, Any]:
    return {
        "benchmark": "count_choices",
        "name": record.key,
        "engine": "groupnet",
        "threads": 1,
        "min_ms": None,
        "median_ms": None,
        "cpu": record.conditions.core,
        "calls": calls,
        "choice": record.choice,
        "default": record.default,
        "obtained": record.obtained,
        "instructions": record.instructions,
        "default_instructions": record.default_instructions,
        "cycles": record.cycles,
        "default_cycles": record.default_cycles,
    }


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    numbers = ("calls", "default", "chosen", "ratio")
    for cpu in dict.fromkeys(row["cpu"] for row in rows):
        mine = [row for row in rows if row["cpu"] == cpu]
        unit = "instructions" if mine[0]["cycles"] is None else "cycles"
        shown = table(
            f"{unit.capitalize()} of one call, {cpu}", "kernel", "choice", *numbers, numbers=numbers
        )
        for row in mine:
            before, after = row[f"default_{unit}"], row[unit]
            figures = (str(row["calls"]), f"{before:,}", f"{after:,}", f"{after / before:.3f}")
            shown.add_row(row["name"], row["choice"], *figures)
        print_result(shown)
        sums = [sum(row["calls"] * row[key] for row in mine) / 1e6 for key in (unit, f"default_{unit}")]
        print_result(f"{cpu}: {sums[0]:.1f} million {unit} in sum, {sums[1]:.1f} by default")


if __name__ == "__main__":
    typer.run(main)
