"""The ahead-of-time executable beside the Relax virtual machine: the same bundles of this machine, in turns.

`groupnet compile groupnet_resnet18 --bases 5 --random-weights --target host --out k5.bundle`
`python -m benchmarks.ahead_of_time k5.bundle [...] [--rounds 10] [--starts 3] [--json]`

Both run the same kernels, and both are checked before. Start-up is from the start of a process to its first
result; of the virtual machine's once with Python and its imports and once behind them.
"""

import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from android_runner.native_run import NativeOptions, read_answer
from benchmarks.interleave import Measure, Samples, interleave
from benchmarks.rows import print_rows
from groupnet.bench_native import native_executable
from groupnet.boundary import verb
from groupnet.bundle import Bundle, load_bundle
from groupnet.console import AsJson, print_result, progress, table
from groupnet.running import Running, on_device

RUNS_A_ROUND = 5
WARMUP = 3
"""Runs of each round that do not count: the executable is started anew in each."""

ENGINES = ("aot", "relax vm")
_LIMIT_S = 300.0


@verb
def main(
    bundles: Annotated[list[Path], typer.Argument(help="Bundles for this machine.")],
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; both run in each.")] = 10,
    starts: Annotated[int, typer.Option(min=1, help="Processes started to tell start-up and memory.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Time bundles both ways in turns, and start each way anew."""
    with ExitStack() as stack, progress() as say:
        engines: dict[str, Measure] = {}
        commands: dict[str, list[str]] = {}
        loaded = [load_bundle(path) for path in bundles]
        for bundle in loaded:
            say(f"building and checking {bundle.manifest.name}")
            executable = native_executable(bundle, None, say)
            running = stack.enter_context(on_device(bundle, "host", lambda _: None))
            running.verify()
            for engine, measure in zip(ENGINES, (_aot(executable, bundle), _vm(running)), strict=True):
                engines[f"{bundle.manifest.name}, {engine}"] = measure
            words = NativeOptions(runs=1, warmup=0).words(bundle.manifest.name)
            # Its first line comes behind its first run, that of the check.
            commands[f"{bundle.manifest.name}, {ENGINES[0]}"] = [str(executable), *words, "--progress"]
            worker = [sys.executable, "-m", "benchmarks.relax_once", str(bundle.path)]
            commands[f"{bundle.manifest.name}, {ENGINES[1]}"] = worker
        samples = interleave(engines, rounds, say)
        started = {key: [_start(command) for _ in range(starts)] for key, command in commands.items()}
    rows = [_row(key, samples[key], started[key]) for key in engines]
    if as_json:
        print_rows(rows)
    else:
        _print_table(rows)


def _aot(executable: Path, bundle: Bundle) -> Measure:
    words = NativeOptions(runs=RUNS_A_ROUND, warmup=WARMUP).words(bundle.manifest.name)

    def measure() -> list[float]:
        done = subprocess.run(
            [str(executable), *words], capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
        samples: list[float] = read_answer(done.returncode, done.stdout, done.stderr)["latency_ms"]["samples"]
        return samples

    return measure


def _vm(running: Running) -> Measure:
    inputs = running.bundle.reference().inputs

    def measure() -> list[float]:
        return running.module.time("main", inputs, runs=RUNS_A_ROUND, warmup=WARMUP, threads=1)

    return measure


def _start(command: list[str]) -> dict[str, float]:
    """Run a process: seconds to its first line, and what it says of its memory."""
    begin = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        seconds = time.perf_counter() - begin
        last = process.stdout.read().splitlines()[-1:]
        process.wait(_LIMIT_S)
    told = json.loads(last[0])["memory"] if last else json.loads(first)
    fields = ("peak_bytes", "behind_imports_s", "more_bytes")
    return {"seconds": seconds, **{field: float(told[field]) for field in fields if field in told}}


def _row(key: str, measured: Samples, started: list[dict[str, float]]) -> dict[str, Any]:
    name, engine = key.split(", ")
    least = {field: min(start[field] for start in started) for field in started[0]}
    return {
        "benchmark": "ahead_of_time",
        "name": name,
        "engine": engine,
        "threads": 1,
        "min_ms": measured.min_ms,
        "median_ms": measured.median_ms,
        "samples": len(measured.values),
        "start_s": least["seconds"],
        "start_behind_imports_s": least.get("behind_imports_s"),
        "peak_bytes": least["peak_bytes"],
        "more_bytes": least.get("more_bytes"),
    }


def _print_table(rows: list[dict[str, Any]]) -> None:
    numbers = (
        "min ms",
        "median ms",
        "to the first result",
        "behind imports",
        "peak memory",
        "behind imports",
    )
    shown = table(
        "Ahead of time and virtual machine, 1 thread", "network", "engine", *numbers, numbers=numbers
    )
    for row in rows:
        behind, more = row["start_behind_imports_s"], row["more_bytes"]
        shown.add_row(
            row["name"],
            row["engine"],
            f"{row['min_ms']:.2f}",
            f"{row['median_ms']:.2f}",
            f"{row['start_s'] * 1e3:.0f} ms",
            "" if behind is None else f"{behind * 1e3:.0f} ms",
            f"{row['peak_bytes'] / 1e6:.1f} MB",
            "" if more is None else f"{more / 1e6:.1f} MB",
        )
    print_result(shown)


if __name__ == "__main__":
    typer.run(main)
