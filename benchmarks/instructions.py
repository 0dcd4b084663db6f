"""Arm64 instructions that the kernels execute, counted exactly, without a phone.

`python -m benchmarks.instructions [--cpu cortex-a76] [--net groupnet_resnet18:5] [--json]`
`python -m benchmarks.instructions --update` records the layers' counts as the new baseline.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.count_instructions import CLASSES, Counts, count_kernels
from benchmarks.layers import COUNTED_LAYERS, MACS_PER_M, Layer
from benchmarks.network_kernels import CLASSES as KERNEL_CLASSES
from benchmarks.network_kernels import Net, NetworkKernel, network_kernels
from benchmarks.network_names import parse_net
from benchmarks.rows import print_rows
from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_result, progress, table
from tvm_schedules.targets import resolve_target

CPUS = ("cortex-a72", "cortex-a76")
"""A core without and one with the dot product; qemu and LLVM spell their names alike."""

BASELINE = Path(__file__).with_name("instructions_baseline.json")

TOLERANCE = 0.005
"""By how much a count may exceed the baseline. Counts of one build repeat to the instruction; but libc's
routines are the machine's."""

PEERS: dict[str, dict[str, float]] = {
    "16x16x64": {"Larq indirect": 5.34, "daBNN 3x3": 5.59},
    "8x8x128": {"Larq indirect": 4.18, "daBNN 3x3": 3.98},
    "8x8x256": {"Larq indirect": 3.85, "daBNN 3x3": 4.31},
    "7x7x512": {"Larq indirect": 3.89, "daBNN 3x3": 4.65},
}
"""Instructions per M of the whole layer, packing and epilogue included, on one thread: Larq Compute Engine's
indirect path (float multiplier and bias fused) and daBNN's direct 3x3, built by g++ 12.2 and counted in the
same way. Their loops are written in assembly, so neither core nor compiler changes them."""

LayerCounts = dict[str, dict[str, Counts]]
"""By layer, then `pack`, `conv` or `fused`."""


@verb
def main(
    cpu: Annotated[list[str] | None, typer.Option(help=f"A core, once each; {', '.join(CPUS)}.")] = None,
    net: Annotated[
        list[str] | None, typer.Option(help="ARCHITECTURE:K to count as a whole, once each.")
    ] = None,
    update: Annotated[bool, typer.Option("--update", help="Record the layers as the baseline.")] = False,
    as_json: AsJson = False,
) -> None:
    """Count the instructions per M (128 binary multiply-accumulates) of layers and of whole networks."""
    nets = [parse_net(text) for text in net or ["groupnet_resnet18:5"]]
    cpus = CPUS if update else tuple(cpu or CPUS)
    rows: list[dict[str, Any]] = []
    counted: dict[str, LayerCounts] = {}
    with progress() as say:
        for core in cpus:
            say(f"counting layers on {core}")
            counted[core] = count_layers(core)
            rows += layer_rows(core, counted[core])
            for network in [] if update else nets:
                say(f"counting {network.name} on {core}")
                kernels = network_kernels(network, resolve_target(core))
                rows += network_rows(core, network, kernels)
    if update:
        BASELINE.write_text(json.dumps(totals(counted), indent=1) + "\n", encoding="utf-8")
        note(f"recorded {BASELINE}")
    if as_json:
        print_rows(rows)
    else:
        _print_tables(rows)


def count_layers(cpu: str) -> LayerCounts:
    """Counts of every layer's packing and convolution on a core."""
    target = resolve_target(cpu)
    parts = {
        (layer.name, part): kernel
        for layer in COUNTED_LAYERS
        for part, kernel in (
            ("pack", layer.pack_kernel(target)),
            ("conv", layer.conv_kernel(target)),
            ("fused", layer.fused_kernel(target)),
        )
    }
    counts = count_kernels(list(parts.values()), target, cpu)
    found: LayerCounts = {}
    for (layer_name, part), count in zip(parts, counts.values(), strict=True):
        found.setdefault(layer_name, {})[part] = count
    return found


def totals(counted: Mapping[str, LayerCounts]) -> dict[str, dict[str, dict[str, int]]]:
    """Only the totals, as the baseline has them: by core, layer and part."""
    return {
        cpu: {layer: {part: count.total for part, count in parts.items()} for layer, parts in layers.items()}
        for cpu, layers in counted.items()
    }


def regressions(cpu: str, layers: LayerCounts, baseline: Mapping[str, Any]) -> list[str]:
    """One sentence for each count that exceeds the baseline by more than `TOLERANCE`."""
    found = []
    for layer, parts in layers.items():
        for part, count in parts.items():
            before = baseline[cpu][layer][part]
            if count.total > before * (1 + TOLERANCE):
                found.append(
                    f"{cpu} {layer} {part}: expected at most {before} instructions; got {count.total}; mend "
                    "the kernel, or accept it: python -m benchmarks.instructions --update"
                )
    return found


def layer_rows(cpu: str, layers: LayerCounts) -> list[dict[str, Any]]:
    """Rows of ours (packing and convolution as two kernels, parts of that, all in one) and of the peers."""
    rows = []
    for layer in COUNTED_LAYERS:
        pack, conv = layers[layer.name]["pack"], layers[layer.name]["conv"]
        rows.append(_row(layer.name, "groupnet", cpu, layer.channels, layer.m, pack + conv))
        rows.append(_row(f"{layer.name} conv alone", "groupnet", cpu, layer.channels, layer.m, conv))
        fused = layers[layer.name]["fused"]
        rows.append(_row(f"{layer.name} conv + add + pack", "groupnet", cpu, layer.channels, layer.m, fused))
        for peer, per_m in PEERS[layer.name].items():
            rows.append(_peer_row(layer, peer, cpu, per_m))
    return rows


def network_rows(cpu: str, net: Net, kernels: tuple[NetworkKernel, ...]) -> list[dict[str, Any]]:
    """A row for each class of kernels and one for them all; `m` is the whole network's everywhere."""
    counts = count_kernels([kernel.function for kernel in kernels], resolve_target(cpu), cpu)
    m = sum(kernel.macs * kernel.calls for kernel in kernels if kernel.kind == "binary") / MACS_PER_M
    nothing = Counts(dict.fromkeys(CLASSES, 0))
    by_kind = {
        kind: sum((counts[k.name] * k.calls for k in kernels if k.kind == kind), nothing)
        for kind in KERNEL_CLASSES
    }
    rows = [_row(net.name, "groupnet", cpu, None, m, sum(by_kind.values(), nothing))]
    rows += [_row(f"{net.name} {kind}", "groupnet", cpu, None, m, count) for kind, count in by_kind.items()]
    return rows


def _row(name: str, engine: str, cpu: str, channels: int | None, m: float, counts: Counts) -> dict[str, Any]:
    return {
        "benchmark": "instructions",
        "name": name,
        "engine": engine,
        "threads": 1,
        "min_ms": None,
        "median_ms": None,
        "cpu": cpu,
        "channels": channels,
        "instructions": counts.total,
        "m": m,
        "per_m": counts.total / m,
        "by_class": counts.by_class,
    }


def _peer_row(layer: Layer, peer: str, cpu: str, per_m: float) -> dict[str, Any]:
    counted_by_others = Counts({})
    row = _row(layer.name, peer, cpu, layer.channels, layer.m, counted_by_others)
    return row | {"instructions": None, "per_m": per_m, "by_class": None}


def _print_tables(rows: list[dict[str, Any]]) -> None:
    for cpu in dict.fromkeys(row["cpu"] for row in rows):
        numbers = ("millions", "per M", *CLASSES)
        shown = table(f"Instructions, {cpu}, one call", "what", "engine", *numbers, numbers=numbers)
        for row in rows:
            if row["cpu"] == cpu:
                shown.add_row(row["name"], row["engine"], *_figures(row))
        print_result(shown)
    note("columns by class are per M too; peers' figures were counted once, in the same way")


def _figures(row: dict[str, Any]) -> list[str]:
    if row["by_class"] is None:
        return ["", f"{row['per_m']:.2f}", *("" for _ in CLASSES)]
    by_class = (f"{row['by_class'][name] / row['m']:.3f}" for name in CLASSES)
    return [f"{row['instructions'] / 1e6:.3f}", f"{row['per_m']:.2f}", *by_class]


if __name__ == "__main__":
    typer.run(main)
