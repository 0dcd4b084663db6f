"""Choose tiles for cores that no hardware is at hand of: by executed instructions, counted under emulation.

`python -m benchmarks.count_choices DIR [--cpu cortex-a76] [--net groupnet_resnet18:5] [--most 48] [--json]`

For each kernel its default and up to `--most` other choices, drawn at random where there are more, are built
and counted. The one of fewest instructions is recorded in DIR as the kernel's winner, labelled `counted`;
`groupnet compile --db DIR` uses it for as long as nothing was timed. Fewer instructions are no promise of
less time: a core may stall on what it executes. Kernels that a record of DIR decides already are skipped.
"""

import random
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from android_runner.tuning.records import Conditions, Database, Record
from android_runner.tuning.session import FASTER
from benchmarks.count_instructions import count_kernels
from benchmarks.errors import BenchmarkError
from benchmarks.instructions import CPUS
from benchmarks.network_names import parse_net
from benchmarks.rows import print_rows
from groupnet.boundary import verb
from groupnet.console import AsJson, print_result, progress, table
from groupnet.tune import model_kernels
from groupnet.tuned_kernels import core_of
from tvm_schedules.targets import resolve_target
from tvm_schedules.tuning.choice import Choice
from tvm_schedules.tuning.request import KernelTask, kernel_name
from tvm_schedules.tuning.spaces import kernel_space


@verb
def main(
    folder: Annotated[Path, typer.Argument(help="Folder of the records.")],
    cpu: Annotated[list[str] | None, typer.Option(help=f"A core, once each; {', '.join(CPUS)}.")] = None,
    net: Annotated[list[str] | None, typer.Option(help="ARCHITECTURE:K, once each.")] = None,
    most: Annotated[int, typer.Option(min=1, help="Choices of a kernel to count, beside its default.")] = 48,
    as_json: AsJson = False,
) -> None:
    """Count what kernels may be built with, and record for each kernel what takes the fewest instructions."""
    database = Database(folder)
    rows: list[dict[str, Any]] = []
    with progress() as say:
        for core in cpu or CPUS:
            target = resolve_target(core)
            decided = {record.key for record in database.read(core_of(target)) if record.confirmed}
            for text in net or ["groupnet_resnet18:5"]:
                for task in model_kernels(parse_net(text).request, target, say):
                    if task.key in decided:
                        continue
                    say(f"{core}: {task.key}")
                    record = count_choices(task, target, core, most)
                    database.add(record)
                    decided.add(task.key)
                    rows.append(_row(record, task.calls))
    if as_json:
        print_rows(rows)
    else:
        _print_table(rows)


def count_choices(task: KernelTask, target: Any, cpu: str, most: int) -> Record:
    """Count a kernel's default and up to `most` other choices; return the winner's record.

    The default keeps its place unless another takes less than `FASTER` of its instructions.

    Raises:
        BenchmarkError: a tool is missing or failed, or a kernel did.
    """
    default, *others = kernel_space(task.request, target)
    counted = _counts(task, [default, *sampled(others, most)], target, cpu)
    best = min(counted, key=counted.__getitem__)
    if counted[best] >= FASTER * counted[default]:
        best = default
    return Record(
        key=task.key,
        choice=str(best),
        default=str(default),
        outcome="ok",
        obtained="counted",
        instructions=counted[best],
        default_instructions=counted[default],
        confirmed=True,
        conditions=Conditions(
            core=core_of(target),
            cpu=f"qemu {cpu}",
            threads=1,
            tvm=version("apache-tvm"),
            groupnet=version("groupnet"),
            emulated=True,
        ),
    )


def sampled(choices: Sequence[Choice], most: int) -> list[Choice]:
    """Draw choices, the same ones every time."""
    return random.Random(0).sample(choices, min(most, len(choices)))


def _counts(task: KernelTask, choices: Sequence[Choice], target: Any, cpu: str) -> dict[Choice, int]:
    kernels = {choice: task.request.build(target, choice) for choice in choices}
    counts = count_kernels(list(kernels.values()), target, cpu)
    if len(counts) != len(kernels):
        raise BenchmarkError(
            f"expected {len(kernels)} kernels of different names; got {len(counts)}: "
            "a kernel's name must tell its choice"
        )
    return {choice: counts[kernel_name(kernel)].total for choice, kernel in kernels.items()}


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
        "instructions": record.instructions,
        "default_instructions": record.default_instructions,
    }


def _print_table(rows: Sequence[dict[str, Any]]) -> None:
    numbers = ("calls", "default", "fewest", "ratio")
    for cpu in dict.fromkeys(row["cpu"] for row in rows):
        shown = table(f"Instructions of one call, {cpu}", "kernel", "choice", *numbers, numbers=numbers)
        mine = [row for row in rows if row["cpu"] == cpu]
        for row in mine:
            before, after = row["default_instructions"], row["instructions"]
            shown.add_row(
                row["name"],
                row["choice"],
                str(row["calls"]),
                f"{before:,}",
                f"{after:,}",
                f"{after / before:.3f}",
            )
        print_result(shown)
        sums = [
            sum(row["calls"] * row[key] for row in mine) / 1e6
            for key in ("instructions", "default_instructions")
        ]
        print_result(f"{cpu}: {sums[0]:.1f} million instructions in sum, {sums[1]:.1f} by default")


if __name__ == "__main__":
    typer.run(main)
