"""`groupnet bench`: verify a bundle on a device, then time it there."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from groupnet.boundary import verb
from groupnet.bundle import Bundle, load_bundle
from groupnet.console import AsJson, print_json, print_result, progress, table
from groupnet.running import EMULATED, Running, describe_device, on_device

if TYPE_CHECKING:
    from rich.table import Table

RUNS = 30
EMULATED_RUNS = 5
"""Emulated times are shown as what they are; a handful tells all there is to tell."""
WARMUP = 5


@dataclass(frozen=True)
class Latency:
    """Times of single calls of `main` in ms: the smallest, two percentiles, and every sample.

    The percentiles are samples themselves (the first one at or above the share), not interpolations.
    """

    min: float
    p50: float
    p95: float
    samples: tuple[float, ...]

    @classmethod
    def of(cls, samples: list[float]) -> "Latency":
        """Summarise samples in ms."""
        p50, p95 = (float(np.percentile(samples, share, method="inverted_cdf")) for share in (50, 95))
        return cls(min(samples), p50, p95, tuple(samples))


@verb
def bench(
    bundle: Annotated[Path, typer.Argument(help="The bundle's folder.")],
    device: Annotated[str, typer.Option(help="host, emulator or adb:SERIAL.")] = "host",
    threads: Annotated[int, typer.Option(min=1, help="Threads on the device.")] = 1,
    runs: Annotated[
        int | None, typer.Option(min=1, help="Timed runs.", show_default=f"{RUNS}, emulated {EMULATED_RUNS}")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify a bundle on a device against PyTorch, integer by integer, then time it there."""
    with progress() as say:
        result = run_bench(load_bundle(bundle), device, threads=threads, runs=runs, say=say)
    if as_json:
        print_json(result)
    else:
        print_result(latency_table([result]))
        print_result(describe_verification(result["verified"]))


def run_bench(
    bundle: Bundle, device: str, *, threads: int = 1, runs: int | None = None, say: Callable[[str], None]
) -> dict[str, Any]:
    """Verify, then time; what is returned is what `bench --json` prints.

    Raises:
        BundleError, DeviceError: the bundle does not run there, or computes other numbers than PyTorch.
    """
    with on_device(bundle, device, say) as running:
        verified = verify(running, say)
        if runs is None:
            runs = EMULATED_RUNS if running.device.emulated else RUNS
        say(f"timing {runs} runs on {running.device.name}")
        inputs = bundle.reference().inputs
        latency = Latency.of(running.module.time("main", inputs, runs=runs, warmup=WARMUP, threads=threads))
        return {
            "bundle": str(bundle.path),
            "name": bundle.manifest.name,
            "target": bundle.manifest.target.text,
            "device": describe_device(running.device),
            "verified": verified,
            "threads": threads,
            "warmup": WARMUP,
            "latency_ms": {
                "min": latency.min,
                "p50": latency.p50,
                "p95": latency.p95,
                "samples": list(latency.samples),
            },
            "note": EMULATED if running.device.emulated else None,
        }


def verify(running: Running, say: Callable[[str], None]) -> dict[str, Any]:
    """Compare the loaded bundle with PyTorch; what is returned is `verified` of `bench --json`."""
    say(f"verifying {running.bundle.manifest.name} on {running.device.name}")
    report = running.verify()
    return {
        "binary_convs": report.binary_convs,
        "integers": report.integers,
        "exact": report.exact,
        "max_abs_err": report.max_abs_err,
        "max_abs_err_same_signs": report.forced_max_abs_err,
        "sign_flips": report.sign_flips,
        "signs": report.signs,
    }


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


def latency_table(results: list[dict[str, Any]]) -> "Table":
    """One row for each result of `run_bench`."""
    numbers = ("threads", "min ms", "p50 ms", "p95 ms", "runs")
    shown = table("Latency", "model", "target", "device", *numbers, "note", numbers=numbers)
    for result in results:
        device, latency = result["device"], result["latency_ms"]
        shown.add_row(
            result["name"],
            result["target"],
            f"{device['name']} ({device['cpu']})",
            str(result["threads"]),
            *(f"{latency[key]:.3f}" for key in ("min", "p50", "p95")),
            str(len(latency["samples"])),
            result["note"] or "",
        )
    return shown
