"""Where a network's time goes on this machine, and how little it could be.

`python -m benchmarks.roofline [--net groupnet_resnet18:5] [--threads 1] [--out roofline.svg] [--json]`

Each call of the virtual machine is timed; each belongs to a part of the network: binary or float products,
glue (all other kernels), or the virtual machine (its own calls for memory and shapes, and between calls).
A kernel's bound is the larger of two times, at ceilings measured in the same rounds (`ceilings.c`):

- its products, at the rate of xor, popcount and add, of fused multiply-adds, or, for stems that multiply the
  bytes of pixels, of a third of the byte products, on registers;
- the bytes of its tensors, each read or written once, at the rate of copying 1 MiB within the caches.

The second is a guide rather than a limit: small tensors come from a nearer cache than that, and what is fused
into a neighbour moves no bytes. The virtual machine's bound is 0.
"""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from android_runner.call_profile import Call, ProfiledRun
from benchmarks.ceilings import ceilings
from benchmarks.interleave import Measure, Samples, interleave
from benchmarks.network_kernels import Net, kernel_class, kernel_macs, multiplies_bytes
from benchmarks.network_names import parse_net
from benchmarks.profile_calls import CallProfiler
from benchmarks.roofline_picture import check_picture, draw_picture
from benchmarks.rows import print_rows
from groupnet.boundary import verb
from groupnet.bundle import load_bundle
from groupnet.compile import compile_bundle
from groupnet.console import AsJson, note, print_result, progress, table
from groupnet.pixels import InputKind
from groupnet.running import on_device

PARTS = ("binary", "float", "glue", "virtual machine")
RUNS_A_ROUND = 5

_MACHINE_PREFIX = "vm.builtin."


@dataclass(frozen=True)
class Rates:
    """Ceilings of one thread count, per second.

    Attributes:
        binary_macs: products of signs.
        float_macs: products of floats.
        bytes: bytes read and written.
    input_kind: Annotated[InputKind, typer.Option("--input", help="uint8 or float.")] = "uint8",
    """

    binary_macs: float
    float_macs: float
    bytes: float
    pixel_macs: float | None = None


@verb
def main(
    net: Annotated[list[str] | None, typer.Option(help="ARCHITECTURE:K, once for each network.")] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of networks and ceilings.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; everything runs in each.")] = 10,
    out: Annotated[Path | None, typer.Option(help="A picture to draw: .svg or .png.")] = None,
    input_kind: Annotated[InputKind, typer.Option("--input", help="What is taken.")] = "uint8",
    by_kernel: Annotated[bool, typer.Option("--by-kernel", help="Print every kernel too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Time every kernel of whole networks, and hold each part of the network against its bound."""
    nets = [parse_net(text) for text in net or ["groupnet_resnet18:1", "groupnet_resnet18:5"]]
    if out is not None:
        check_picture(out)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack, progress() as say:
        limits = stack.enter_context(ceilings(threads))
        profilers: dict[Net, CallProfiler] = {}
        for network in nets:
            say(f"compiling and verifying {network.name}")
            profilers[network] = _profiler(network, input_kind, threads, Path(folder))
            stack.callback(profilers[network].close)
        runs: dict[Net, list[ProfiledRun]] = {network: [] for network in nets}

        def engine(network: Net) -> Measure:
            def measure() -> list[float]:
                fresh = profilers[network].run(RUNS_A_ROUND)
                runs[network] += fresh
                return [run.whole_ms for run in fresh]

            return measure

        bounds = limits.by_name()
        engines = {name: limit.measure for name, limit in bounds.items()}
        samples = interleave(engines | {network.name: engine(network) for network in nets}, rounds, say)
        measured = {name: limit.rate(samples[name].min_ms) for name, limit in bounds.items()}
    rates = Rates(measured["binary"], measured["float"], measured["copy"], measured.get("pixel"))
    rows: list[dict[str, Any]] = []
    for network in nets:
        timed = runs[network][RUNS_A_ROUND:]  # as `interleave` drops the round that warms up
        calls = profilers[network].calls
        rows += part_rows(network.name, threads, calls, timed, rates)
        if by_kernel:
            rows += kernel_rows(network.name, threads, calls, timed, rates)
    if out is not None:
        draw_picture(rows, out)
        note(f"drew {out}")
    if as_json:
        print_rows(rows)
    else:
        _print_tables(rows, rates)


def _profiler(net: Net, input_kind: InputKind, threads: int, folder: Path) -> CallProfiler:
    out = folder / f"{net.name}.bundle"
    path = compile_bundle(net.request, "host", out, input_kind=input_kind, say=lambda _: None)
    bundle = load_bundle(path)
    with on_device(bundle, "host", lambda _: None) as running:
        running.verify()
    return CallProfiler(bundle.module, "main", bundle.reference().inputs, threads=threads)


def part_of(call: Call) -> str:
    """The part of the network that a call belongs to."""
    return "virtual machine" if call.name.startswith(_MACHINE_PREFIX) else kernel_class(call.name)


def bound_ms(call: Call, rates: Rates) -> float:
    """The least that a call can take: its products or its bytes, whichever takes longer."""
    part = part_of(call)
    if part == "virtual machine":
        return 0.0
    seconds = call.tensor_bytes / rates.bytes
    if part in ("binary", "float"):
        rate = rates.binary_macs if part == "binary" else rates.float_macs
        if multiplies_bytes(call.name) and rates.pixel_macs is not None:
            rate = rates.pixel_macs
        seconds = max(seconds, kernel_macs(call.name) / rate)
    return 1e3 * seconds


def part_rows(
    name: str, threads: int, calls: Sequence[Call], runs: Sequence[ProfiledRun], rates: Rates
) -> list[dict[str, Any]]:
    """A row for each part of a network, and one for the whole, whose bound is the sum of theirs."""
    samples = {
        part: [sum(ms for call, ms in zip(calls, run.calls_ms, strict=True) if part_of(call) == part)
               for run in runs]
        for part in PARTS
    }  # fmt: skip
    between = [run.whole_ms - sum(run.calls_ms) for run in runs]
    samples["virtual machine"] = [a + b for a, b in zip(samples["virtual machine"], between, strict=True)]
    bounds = {part: sum(bound_ms(call, rates) for call in calls if part_of(call) == part) for part in PARTS}
    counts = {part: sum(part_of(call) == part for call in calls) for part in PARTS}
    rows = [_row(name, threads, part, samples[part], bounds[part], counts[part]) for part in PARTS]
    spans = [run.whole_ms for run in runs]
    return [*rows, _row(name, threads, "total", spans, sum(bounds.values()), len(calls))]


def kernel_rows(
    name: str, threads: int, calls: Sequence[Call], runs: Sequence[ProfiledRun], rates: Rates
) -> list[dict[str, Any]]:
    """A row for each distinct kernel, all of its calls together, the longest first."""
    rows = []
    for kernel in dict.fromkeys(call.name for call in calls if part_of(call) != "virtual machine"):
        positions = [i for i, call in enumerate(calls) if call.name == kernel]
        samples = [sum(run.calls_ms[i] for i in positions) for run in runs]
        bound = sum(bound_ms(calls[i], rates) for i in positions)
        rows.append(_row(name, threads, "kernel", samples, bound, len(positions)) | {"kernel": kernel})
    return sorted(rows, key=lambda row: -float(row["min_ms"]))


def _row(
    name: str, threads: int, part: str, samples: Sequence[float], bound: float, calls: int
) -> dict[str, Any]:
    measured = Samples(tuple(samples))
    return {
        "benchmark": "roofline",
        "name": name,
        "engine": "groupnet",
        "threads": threads,
        "min_ms": measured.min_ms,
        "median_ms": measured.median_ms,
        "part": part,
        "calls": calls,
        "bound_ms": bound,
        "ratio": measured.min_ms / bound if bound else None,
    }


def _print_tables(rows: Sequence[Mapping[str, Any]], rates: Rates) -> None:
    for name in dict.fromkeys(row["name"] for row in rows):
        numbers = ("calls", "min ms", "median ms", "bound ms", "ratio")
        shown = table(f"{name}: where the time goes", "part", *numbers, numbers=numbers)
        for row in rows:
            if row["name"] == name:
                times = (f"{row[key]:.3f}" for key in ("min_ms", "median_ms", "bound_ms"))
                ratio = "" if row["ratio"] is None else f"{row['ratio']:.2f}"
                shown.add_row(str(row.get("kernel", row["part"])), str(row["calls"]), *times, ratio)
        print_result(shown)
    note(
        f"ceilings: {rates.binary_macs / 1e9:.0f} GbMAC/s binary, {rates.float_macs / 1e9:.1f} GMAC/s float, "
        f"{rates.bytes / 1e9:.0f} GB/s read and written"
        + (f", {rates.pixel_macs / 1e9:.1f} GMAC/s of pixels by bytes" if rates.pixel_macs else "")
    )


if __name__ == "__main__":
    typer.run(main)
