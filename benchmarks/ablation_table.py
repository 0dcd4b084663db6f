"""The rows of an ablation table: scores over seeds, gaps to the float twin, and costs."""

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from rich.table import Table

from benchmarks.ablation_run import Measurement, Run
from benchmarks.ablation_studies import FLOAT
from groupnet.console import table

NOT_MEASURED = "not measured yet"


def ablation_rows(runs: Sequence[Run], found: Mapping[str, Measurement], metric: str) -> list[dict[str, Any]]:
    """A row for each variant and K, in the order of `runs`.

    Args:
        runs: Of the whole table.
        found: What was measured, by the run's name.
        metric: Which score.

    Returns:
        Beside the fields of every benchmark: `study`, `bases`, `metric`, `seeds` and their `values` (0 to 1),
        `mean`, `lowest`, `highest`, `to_float` (the mean less that of the float twin over the same seeds),
        `seconds` (mean of a run) and the fields of `Complexity`; None or empty where nothing is measured.
    """
    by_row: dict[tuple[str, int], list[Run]] = {}
    for run in runs:
        by_row.setdefault((run.variant, run.bases), []).append(run)
    floats = {
        run.seed: found[run.name].metrics[metric]
        for run in runs
        if run.variant == FLOAT and run.name in found
    }
    return [_row(same, found, metric, floats) for same in by_row.values()]


def _row(
    runs: list[Run], found: Mapping[str, Measurement], metric: str, floats: Mapping[int, float]
) -> dict[str, Any]:
    measured = {run.seed: found[run.name] for run in runs if run.name in found}
    scores = {seed: measurement.metrics[metric] for seed, measurement in measured.items()}
    gaps = [score - floats[seed] for seed, score in scores.items() if seed in floats]
    threads = {measurement.threads for measurement in measured.values()}
    row = {
        "benchmark": "ablation",
        "name": runs[0].variant,
        "engine": "torch",
        "threads": threads.pop() if len(threads) == 1 else None,
        "min_ms": None,
        "median_ms": None,
        "study": runs[0].study,
        "bases": runs[0].bases,
        "metric": metric,
        "seeds": list(scores),
        "values": list(scores.values()),
        "mean": fmean(scores.values()) if scores else None,
        "lowest": min(scores.values(), default=None),
        "highest": max(scores.values(), default=None),
        "to_float": fmean(gaps) if gaps else None,
        "seconds": fmean(m.seconds for m in measured.values()) if measured else None,
    }
    costs = next(iter(measured.values())).costs if measured else None
    names = (
        "binary_weights",
        "float_parameters",
        "parameters",
        "binary_macs",
        "float_macs",
        "equivalent_macs",
    )
    return row | {name: None if costs is None else getattr(costs, name) for name in names}


def ablation_table(rows: Sequence[dict[str, Any]], title: str, score: str, seeds: int) -> Table:
    """The rows for people: scores in %, gaps in points, costs of one image."""
    numbers = (
        "K",
        "seeds",
        f"{score} %",
        "range",
        "to float",
        "parameters",
        "binary MMAC",
        "equivalent MMAC",
        "s a run",
    )
    shown = table(title, "variant", *numbers, numbers=numbers)
    for row in rows:
        start = (row["name"], str(row["bases"]), f"{len(row['seeds'])} of {seeds}")
        if not row["seeds"]:
            shown.add_row(*start, NOT_MEASURED)
            continue
        shown.add_row(
            *start,
            f"{100 * row['mean']:.1f}",
            f"{100 * row['lowest']:.1f} to {100 * row['highest']:.1f}",
            "" if row["to_float"] is None else f"{100 * row['to_float']:+.1f}",
            f"{row['parameters']:,}",
            f"{row['binary_macs'] / 1e6:.2f}",
            f"{row['equivalent_macs'] / 1e6:.2f}",
            f"{row['seconds']:.0f}",
        )
    return shown
