"""What records of another network, or another core, save a tuner: the gain after so many trials.

`python -m benchmarks.transfer DIR [--measure 64] [--seeds 10] [--out transfer.svg] [--json]`

Choices of ResNet-18's kernels are measured once (`--measure`: into DIR, and only what is missing there); then
searches are replayed against those times, with many seeds. A search is told one measurement of a choice, and
what it confirms is judged by another, longer one: luck in the first is no gain.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from android_runner.tuning.records import Database, Record
from benchmarks.network_names import parse_net
from benchmarks.replay import Setting, finalists, gain_of_best, replay
from benchmarks.roofline_picture import check_picture
from benchmarks.rows import print_rows
from benchmarks.transfer_picture import draw_curves
from benchmarks.transfer_table import (
    OTHER_CORE,
    OTHER_NETWORK,
    load_table,
    measure_choices,
    measure_finalists,
    measure_others,
)
from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_result, progress, table
from groupnet.model_source import Request
from groupnet.tune import model_kernels
from groupnet.tuning_device import tuning_device

BUDGETS = (16, 32, 64, 128, 256, 512)
FULL_BUDGET = 512
"""Gains are shares of what this many cold trials gain, in the middle of all seeds."""

OTHER = Request("groupnet_resnet18", 3, 192, random_weights=True)
"""The network that was tuned before: no kernel of it has the geometry of one of the network to tune."""

STARTS: dict[str, tuple[str, ...]] = {
    "cold": (),
    "warm, another network": (OTHER_NETWORK,),
    "warm, another core": (OTHER_CORE,),
    "warm, both": (OTHER_NETWORK, OTHER_CORE),
}
"""By what a search starts with: the folders of its records."""


@verb
def main(
    folder: Annotated[Path, typer.Argument(help="Folder of the measurements.")],
    choices: Annotated[
        int | None, typer.Option("--measure", min=1, help="Measure so many choices a kernel, first.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Searches of each kind.")] = 10,
    net: Annotated[str, typer.Option(help="ARCHITECTURE:K to tune.")] = "groupnet_resnet18:5",
    out: Annotated[Path | None, typer.Option(help="A picture to draw: .svg or .png.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay searches, cold and warm, and show the gain after each number of trials."""
    if out is not None:
        check_picture(out)
    tuned, device = parse_net(net), tuning_device("host", None, None)
    with progress() as say:
        tasks = model_kernels(tuned.request, device.target, say)
        if choices is not None:
            measure_others(folder, OTHER, say)
            measure_choices(folder, tasks, choices, say)
        conditions = device.conditions(1)
        setting = Setting(tasks, device.target, load_table(folder, conditions.core), conditions)
        searches = [
            (start, known_records(folder, parts, {task.key for task in tasks}), seed)
            for start, parts in STARTS.items()
            for seed in range(seeds)
        ]
        if choices is not None:
            asked = [key for _, known, seed in searches for key in finalists(setting, BUDGETS, known, seed)]
            measure_finalists(folder, tasks, dict.fromkeys(asked), say)
            setting = replace(setting, table=load_table(folder, conditions.core))
        curves: dict[str, list[list[float]]] = {}
        for start, known, seed in searches:
            say(f"{start}: seed {seed}")
            curves.setdefault(start, []).append(replay(setting, BUDGETS, known, seed))
    rows = curve_rows(tuned.name, curves, gain_of_best(setting))
    if out is not None:
        draw_curves(rows, out)
        note(f"drew {out}")
    if as_json:
        print_rows(rows)
    else:
        _print_table(rows)


def known_records(folder: Path, parts: Sequence[str], tuned: set[str]) -> list[Record]:
    """Read what a search starts with; records of the very kernels to be tuned are left out."""
    found = [record for part in parts for record in Database(folder / part).read_all()]
    return [record for record in found if record.key not in tuned]


def curve_rows(
    name: str, curves: Mapping[str, Sequence[Sequence[float]]], most: float
) -> list[dict[str, Any]]:
    """A row for each start and budget; `of_full` is the median as a share of a full cold search's median."""
    full = statistics.median(gains[BUDGETS.index(FULL_BUDGET)] for gains in curves["cold"])
    rows = []
    for start, seeds in curves.items():
        for place, budget in enumerate(BUDGETS):
            gains = sorted(one[place] for one in seeds)
            middle = statistics.median(gains)
            rows.append(
                {
                    "benchmark": "transfer",
                    "name": name,
                    "engine": start,
                    "threads": 1,
                    "min_ms": None,
                    "median_ms": None,
                    "trials": budget,
                    "seeds": len(gains),
                    "gain": middle,
                    "lowest": gains[0],
                    "highest": gains[-1],
                    "of_full": middle / full if full else None,
                    "most": most,
                }
            )
    return rows


def _print_table(rows: list[dict[str, Any]]) -> None:
    numbers = ("trials", "gain %", "lowest", "highest", "% of full")
    title = f"{rows[0]['name']}: share of its kernels' time saved, median of {rows[0]['seeds']} searches"
    shown = table(title, "start", *numbers, numbers=numbers)
    for row in rows:
        figures = (f"{100 * row[key]:.3f}" for key in ("gain", "lowest", "highest"))
        share = "" if row["of_full"] is None else f"{100 * row['of_full']:.1f}"
        shown.add_row(row["engine"], str(row["trials"]), *figures, share)
    print_result(shown)
    most = f"the best of all that was judged would save {100 * rows[0]['most']:.3f} %"
    note(f"full: {FULL_BUDGET} cold trials; {most}")


if __name__ == "__main__":
    typer.run(main)
