"""What `bench` and `demo` show: a row for each bundle, and what a reader of the times has to know."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from groupnet.console import table
from groupnet.run_record import notes_on_control


def describe_verification(verified: dict[str, Any]) -> str:
    """The result of a verification in one line.

    A sign within rounding of zero may flip, which moves an untrained network's outputs visibly; the error
    with PyTorch's signs fed to every layer then shows what rounding alone does.
    """
    flips, error = verified["sign_flips"], verified["max_abs_err"]
    line = (
        f"all {verified['binary_convs']} binary convolutions exact ({verified['integers']:,} integers); "
        f"{flips} of {verified['signs']:,} signs flipped by rounding; outputs within {error:.2g}"
    )
    return f"{line}, within {verified['max_abs_err_same_signs']:.2g} with PyTorch's signs" if flips else line


def describe_check(checked: dict[str, Any]) -> str:
    """The result of the check that an executable makes before it is timed, in one line."""
    tolerance = max(output["tolerance"] for output in checked["outputs"])
    return (
        f"outputs within {checked['max_abs_err']:.2g} of PyTorch's (allowed: {tolerance:.2g}); integers are "
        "compared with --runtime rpc"
    )


def told_apart(names: Sequence[str], bundles: Sequence[Path]) -> list[str]:
    """Names of bundles; their folders' where two of one model are compared."""
    return list(names) if len(set(names)) == len(names) else [str(bundle) for bundle in bundles]


def latency_table(results: list[dict[str, Any]], names: Sequence[str] | None = None) -> Table:
    """One row for each result of `run_bench`, under its model's name or another."""
    numbers = ("threads", "min ms", "p50 ms", "p95 ms", "mean ms", "runs")
    shown = table("Latency", "model", "target", "device", *numbers, "note", numbers=numbers)
    for name, result in zip(names or [one["name"] for one in results], results, strict=True):
        device, latency = result["device"], result["latency_ms"]
        shown.add_row(
            name,
            result["target"],
            f"{device['name']} ({device['cpu']})",
            str(result["threads"]),
            *(f"{latency[key]:.3f}" for key in ("min", "p50", "p95")),
            describe_mean(latency),
            str(len(latency["samples"])),
            "; ".join(notes_on(result)),
        )
    return shown


def describe_mean(latency: dict[str, Any]) -> str:
    """The mean and where it lies."""
    interval = latency["mean_interval"]
    mean = f"{latency['mean']:.3f}"
    return mean if interval["low"] is None else f"{mean} ({interval['low']:.3f}-{interval['high']:.3f})"


def notes_on(result: dict[str, Any]) -> list[str]:
    """What a reader of the times has to know."""
    controlled = notes_on_control(result)
    if result["note"]:
        return [result["note"], *controlled]
    notes = [] if result["warmup_stable"] else [f"not stable after {result['warmup']} runs of warm-up"]
    if result.get("confidence_reached") is False:
        notes.append(f"not sure to {result['confidence']:.2%}")
    if result.get("throttling") and result["throttling"]["throttled"]:
        notes.append("throttled: " + ", ".join(result["throttling"]["reasons"]))
    return notes + controlled


def describe_ratio(ratio: dict[str, Any], name: str, other: str) -> str:
    """The ratio of two bundles in one line."""
    line = f"{name} takes {ratio['value']:.3f} times as long as {other}"
    if ratio["low"] is None:
        return f"{line}, by one round alone"
    line += f" ({ratio['low']:.3f} to {ratio['high']:.3f}, {ratio['rounds']} rounds)"
    return f"{line}: no difference is shown" if ratio["low"] <= 1 <= ratio["high"] else line
