"""Whole networks on this machine: Group-Nets beside other engines' float32 and int8 ResNets, in one run.

`python -m benchmarks.networks [--net groupnet_resnet18:5] [--threads 1] [--rounds 10]
[--input uint8|float] [--db DIR] [--larq-python PATH] [--json]`

Each Group-Net is verified before it is timed. It takes uint8 images (`--input`); peers are given float32
tensors that are normalised already. A Group-Net called groupnet_resnet34 has resnet34 as its peer, any other
resnet18. Peers run with random weights too: time does not depend on them.
"""

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import larq_engine
from benchmarks.interleave import Measure, Samples, interleave
from benchmarks.network_kernels import Net
from benchmarks.network_names import parse_net
from benchmarks.peers import NEEDED_BY_ENGINE, PeerNetwork, engine, missing_packages
from benchmarks.resnet import BLOCKS, resnet
from benchmarks.rows import print_rows
from groupnet.boundary import verb
from groupnet.bundle import load_bundle
from groupnet.compile import compile_bundle
from groupnet.console import AsJson, note, print_result, progress, table
from groupnet.pixels import InputKind
from groupnet.running import Running, on_device

RUNS_A_ROUND = 5
BASE_ENGINE = "onnxruntime fp32"
"""Ratios are to this engine's minimum, of the same peer on as many threads."""

Key = tuple[str, str, int]
"""Network, engine, threads."""


@verb
def main(
    net: Annotated[list[str] | None, typer.Option(help="ARCHITECTURE:K, once for each Group-Net.")] = None,
    threads: Annotated[list[int] | None, typer.Option(min=1, help="Threads, once for each number.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; every engine runs in each.")] = 10,
    db: Annotated[
        Path | None, typer.Option(help="Tuning records: each Group-Net as they have it, too.")
    ] = None,
    input_kind: Annotated[InputKind, typer.Option("--input", help="What Group-Nets take.")] = "uint8",
    larq_python: Annotated[
        Path | None, typer.Option(help="A Python with larq-compute-engine, to time Bi-Real-Net 18 too.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Time Group-Nets and their peers in turns; ratios are to ONNX Runtime's float32 minimum."""
    nets = [parse_net(text) for text in net or ["groupnet_resnet18:1", "groupnet_resnet18:5"]]
    thread_counts = list(dict.fromkeys(threads or [1]))
    present = []
    for name in NEEDED_BY_ENGINE:
        if absent := missing_packages(name):
            note(f"{name} needs {' and '.join(absent)}: pip install -c constraints.txt '.[peers]'")
        else:
            present.append(name)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack, progress() as say:
        engines: dict[Key, Measure] = {}
        for group_net in nets:
            say(f"compiling and verifying {group_net.name}")
            for name, records in {"groupnet": None, **({"groupnet tuned": db} if db else {})}.items():
                running = _verified(group_net, input_kind, Path(folder) / name, records, stack)
                for count in thread_counts:
                    engines[group_net.name, name, count] = _group_net(running, count)
        for peer in dict.fromkeys(peer_of(group_net) for group_net in nets):
            place = Path(folder) / peer
            place.mkdir()
            network = PeerNetwork(resnet(peer), place)
            for name in present:
                say(f"preparing {peer} for {name}")
                for count in thread_counts:
                    measure = engine(name, network, count, RUNS_A_ROUND)
                    if measure is not None:
                        engines[peer, name, count] = measure
        if larq_python is not None:
            say(f"preparing {larq_engine.NETWORK}")
            larq = stack.enter_context(larq_engine.larq_worker(larq_python))
            for name in larq_engine.ENGINES:
                for count in thread_counts:
                    engines[larq_engine.NETWORK, name, count] = larq.engine(name, count, RUNS_A_ROUND)
        keys = {f"{network}, {name}, {count}": (network, name, count) for network, name, count in engines}
        samples = interleave({text: engines[key] for text, key in keys.items()}, rounds, say)
    rows = network_rows({keys[text]: measured for text, measured in samples.items()}, nets)
    if as_json:
        print_rows(rows)
    else:
        _print_table(rows)


def peer_of(net: Net) -> str:
    """The float network that a Group-Net is held against."""
    return next((name for name in BLOCKS if net.architecture == f"groupnet_{name}"), "resnet18")


def _verified(net: Net, input_kind: InputKind, folder: Path, db: Path | None, stack: ExitStack) -> Running:
    """Compile a network, and compare every integer with PyTorch's."""
    folder.mkdir(exist_ok=True)
    out = folder / f"{net.name}.bundle"
    path = compile_bundle(net.request, "host", out, input_kind=input_kind, db=db, say=lambda _: None)
    running = stack.enter_context(on_device(load_bundle(path), "host", lambda _: None))
    running.verify()
    return running


def _group_net(running: Running, threads: int) -> Measure:
    inputs = running.bundle.reference().inputs

    def measure() -> list[float]:
        return running.module.time("main", inputs, runs=RUNS_A_ROUND, warmup=1, threads=threads)

    return measure


def network_rows(samples: dict[Key, Samples], nets: list[Net]) -> list[dict[str, Any]]:
    """A row for each engine; `ratio` is None where the base engine did not run."""
    peers = {net.name: peer_of(net) for net in nets} | {larq_engine.NETWORK: "resnet18"}
    rows = []
    for (name, engine_name, threads), measured in samples.items():
        base = samples.get((peers.get(name, name), BASE_ENGINE, threads))
        rows.append(
            {
                "benchmark": "networks",
                "name": name,
                "engine": engine_name,
                "threads": threads,
                "min_ms": measured.min_ms,
                "median_ms": measured.median_ms,
                "samples": len(measured.values),
                "ratio": None if base is None else measured.min_ms / base.min_ms,
            }
        )
    return rows


def _print_table(rows: list[dict[str, Any]]) -> None:
    for threads in dict.fromkeys(row["threads"] for row in rows):
        numbers = ("min ms", "median ms", "ratio")
        title = f"Whole networks, 224x224, batch 1, {threads} thread{'s' * (threads > 1)}"
        shown = table(title, "network", "engine", *numbers, numbers=numbers)
        for row in rows:
            if row["threads"] == threads:
                ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
                times = (f"{row[key]:.2f}" for key in ("min_ms", "median_ms"))
                shown.add_row(row["name"], row["engine"], *times, ratio)
        print_result(shown)


if __name__ == "__main__":
    typer.run(main)
