"""Whole networks on this machine: Group-Net ResNet-18 beside float32 ResNet-18 in other engines, in one run.

`python -m benchmarks.networks [--bases 1 --bases 5] [--threads 1] [--rounds 10] [--json]`
"""

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.interleave import Measure, interleave
from benchmarks.peers import onnx_runtime, torch_eager
from benchmarks.resnet import resnet18
from groupnet.bundle import load_bundle
from groupnet.compile import compile_bundle
from groupnet.console import AsJson, note, print_result, progress, table
from groupnet.model_source import Request
from groupnet.running import on_device

ARCHITECTURE = "groupnet_resnet18"
PEER = "resnet18"
RUNS_A_ROUND = 5


def main(
    bases: Annotated[list[int] | None, typer.Option(min=1, help="K, once for each net.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of every engine.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; every engine runs in each.")] = 10,
    as_json: AsJson = False,
) -> None:
    """Time Group-Net ResNet-18 and float32 ResNet-18 in turns; ratios are to ONNX Runtime's minimum."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack, progress() as say:
        engines: dict[str, Measure] = {}
        for k in bases or [1, 5]:
            say(f"compiling and verifying {ARCHITECTURE}, K={k}")
            engines[f"{ARCHITECTURE} K={k}|groupnet"] = _group_net(k, threads, Path(folder), stack)
        peer = resnet18()
        engines[f"{PEER}|torch fp32"] = torch_eager(peer, threads, RUNS_A_ROUND)
        try:
            engines[f"{PEER}|onnxruntime fp32"] = onnx_runtime(peer, threads, RUNS_A_ROUND)
        except ImportError:
            note("onnxruntime is not installed: pip install -c constraints.txt '.[peers]'")
        samples = interleave(engines, rounds, say)
    rows = []
    for key, measured in samples.items():
        name, _, engine = key.partition("|")
        rows.append(
            {
                "benchmark": "networks",
                "name": name,
                "engine": engine,
                "threads": threads,
                "min_ms": measured.min_ms,
                "median_ms": measured.median_ms,
                "samples": len(measured.values),
            }
        )
    if as_json:
        typer.echo(json.dumps(rows))
    else:
        print_result(_table(rows))


def _group_net(bases: int, threads: int, folder: Path, stack: ExitStack) -> Measure:
    """Compile, verify every integer, and answer what times the network."""
    request = Request(ARCHITECTURE, bases, None, random_weights=True)
    bundle = load_bundle(compile_bundle(request, "host", folder / f"k{bases}.bundle", say=lambda _: None))
    running = stack.enter_context(on_device(bundle, "host", lambda _: None))
    running.verify()
    inputs = bundle.reference().inputs

    def measure() -> list[float]:
        return running.module.time("main", inputs, runs=RUNS_A_ROUND, warmup=1, threads=threads)

    return measure


def _table(rows: list[dict[str, Any]]) -> Any:
    base = next((row["min_ms"] for row in rows if row["engine"].startswith("onnxruntime")), None)
    numbers = ("threads", "min ms", "median ms", "ratio")
    shown = table("Whole networks, 224x224, batch 1", "network", "engine", *numbers, numbers=numbers)
    for row in rows:
        ratio = "" if base is None else f"{row['min_ms'] / base:.2f}"
        times = (f"{row[key]:.2f}" for key in ("min_ms", "median_ms"))
        shown.add_row(row["name"], row["engine"], str(row["threads"]), *times, ratio)
    return shown


if __name__ == "__main__":
    typer.run(main)
