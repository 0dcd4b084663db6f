"""Binary kernels on this machine: their rate, and how much of what the machine can do at most that is.

`python -m benchmarks.kernels [--threads 1] [--rounds 20] [--json]`

The kernels are called as a network calls them, by the Relax virtual machine, CHAIN times a run; the ceiling
(`ceilings.c`: the same operations on registers only) takes its turn in every round.
"""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tvm
import typer
from tvm import relax

from android_runner.devices import open_device
from benchmarks.ceilings import ceilings
from benchmarks.interleave import Measure, interleave
from benchmarks.layers import RESNET18_STAGES, Layer
from benchmarks.rows import print_rows
from frontend.build import lower_to_vm, plan_memory
from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_result, progress, table
from tvm_schedules.code_generation import unchecked
from tvm_schedules.targets import resolve_target

CHAIN = 16
"""Calls of the same kernel in a run, so that starting a run does not count."""

RUNS_A_ROUND = 5

_CONV_READS = ("words", "weights", "scale", "shift")

VARIANTS = {
    "pack": ("pack",),
    "conv": ("conv",),
    "pack + conv": ("pack", "conv"),
    "conv + add + pack": ("fused",),
}
"""The kernels called, by variant. Every convolution has ReLU, scale and shift: there is no kernel without
them. The fused one adds a skip, and writes floats and their packed signs, as inside a network."""


@verb
def main(
    threads: Annotated[int, typer.Option(min=1, help="Threads of kernels and ceiling.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; everything runs in each.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Time the binary layers of ResNet-18, alone and with the packing before them, beside the ceiling."""
    layers = {layer.name: layer for layer in RESNET18_STAGES}
    with tempfile.TemporaryDirectory() as folder, progress() as say, ceilings(threads) as limits:
        say("building kernels")
        library = Path(folder) / "kernels.so"
        target = resolve_target("host")
        build_chains(RESNET18_STAGES, target, library)
        with open_device("host").session() as session:
            module = session.load(library)

            def engine(layer: Layer, variant: str) -> Measure:
                inputs = example_inputs(layer, target)
                name = function_name(layer, variant)
                return lambda: module.time(name, inputs, runs=RUNS_A_ROUND, warmup=1, threads=threads)

            engines = {(layer.name, v): engine(layer, v) for layer in RESNET18_STAGES for v in VARIANTS}
            keyed = {"|".join(key): measure for key, measure in engines.items()}
            samples = interleave({"ceiling": limits.binary.measure} | keyed, rounds, say)
    ceiling = limits.binary.rate(samples.pop("ceiling").min_ms) / 1e9
    rows = []
    for key, measured in samples.items():
        stage, _, variant = key.partition("|")
        layer, min_ms, median_ms = layers[stage], measured.min_ms / CHAIN, measured.median_ms / CHAIN
        rows.append(row(layer, variant, threads, min_ms, median_ms, ceiling))
    if as_json:
        print_rows(rows)
    else:
        _print_table(rows, threads, ceiling)


def function_name(layer: Layer, variant: str) -> str:
    """The Relax function that calls a variant of a layer."""
    return f"{variant.replace(' + ', '_')}_{layer.name}"


def chains(layers: tuple[Layer, ...], target: Any) -> Any:
    """A module with one Relax function for each layer and variant: CHAIN calls of its kernels.

    Each takes `(x, words, weights, scale, shift)`, as `example_inputs` makes them, and returns what the last
    kernel writes.
    """
    builder = relax.BlockBuilder()
    for layer in layers:
        kernels = {
            "pack": layer.pack_kernel(target),
            "conv": layer.conv_kernel(target),
            "fused": layer.fused_kernel(target),
        }
        called = {part: builder.add_func(k, str(k.attrs["global_symbol"])) for part, k in kernels.items()}
        types = {part: _types(kernel) for part, kernel in kernels.items()}
        # By part: the tensors that a kernel reads, and what it writes.
        reads = {"pack": ("x",), "conv": _CONV_READS, "fused": (*_CONV_READS, "x")}
        given = dict(zip(("x", *_CONV_READS), (types["pack"][0], *types["conv"]), strict=False))
        for variant, parts in VARIANTS.items():
            inputs = {name: relax.Var(name, given[name]) for name in given}
            with builder.function(function_name(layer, variant), list(inputs.values())):
                with builder.dataflow():
                    for _ in range(CHAIN):
                        tensors = dict(inputs)
                        for part in parts:
                            operands = [tensors[name] for name in reads[part]]
                            written = types[part][len(operands) :]
                            call = relax.call_tir(called[part], operands, written)
                            last = builder.emit(call)
                            if part == "pack":
                                tensors["words"] = last
                    result = builder.emit_output(last)
                builder.emit_func_output(result)
    return builder.get()


def build_chains(layers: tuple[Layer, ...], target: Any, path: Path) -> None:
    """Write `chains` as a shared library of this machine, by the passes that build networks."""
    planned = plan_memory(chains(layers, target))
    with unchecked():
        compiled = tvm.compile(planned, target=target, relax_pipeline=lower_to_vm())
    compiled.export_library(str(path))


def _types(kernel: Any) -> list[Any]:
    """Types of a kernel's tensors, those that it writes last."""
    return [
        relax.TensorType([int(extent) for extent in parameter.ty.shape], str(parameter.ty.dtype))
        for parameter in kernel.params
    ]


def example_inputs(layer: Layer, target: Any) -> list[np.ndarray[Any, Any]]:
    """Random floats, words and weights; scale 1 and shift 0."""
    rng = np.random.default_rng(0)
    shape = layer.convolution
    words, weights = (
        rng.integers(0, 1 << 32, extents, np.uint32)
        for extents in (shape.packed_input_shape, shape.packed_weight_shape(target))
    )
    x = rng.normal(size=layer.packing.in_shape).astype(np.float32)
    return [x, words, weights, np.ones(layer.channels, np.float32), np.zeros(layer.channels, np.float32)]


def row(
    layer: Layer, variant: str, threads: int, min_ms: float, median_ms: float, ceiling_gbmac_s: float
) -> dict[str, Any]:
    """One result; rates are of the minimum, and packing alone has none as it multiplies nothing."""
    rate = None if variant == "pack" else layer.macs / min_ms / 1e6
    return {
        "benchmark": "kernels",
        "name": f"{layer.name} {variant}",
        "engine": "groupnet",
        "threads": threads,
        "min_ms": min_ms,
        "median_ms": median_ms,
        "stage": layer.name,
        "variant": variant,
        "gbmac_s": rate,
        "ceiling_gbmac_s": ceiling_gbmac_s,
        "ceiling_ratio": None if rate is None else rate / ceiling_gbmac_s,
    }


def _print_table(rows: list[dict[str, Any]], threads: int, ceiling: float) -> None:
    numbers = ("min us", "median us", "GbMAC/s", "% of ceiling")
    title = f"Binary 3x3 convolutions, stride 1, {threads} thread{'s' * (threads > 1)}"
    shown = table(title, "stage", "variant", *numbers, numbers=numbers)
    for result in rows:
        rate, ratio = result["gbmac_s"], result["ceiling_ratio"]
        shown.add_row(
            result["stage"],
            result["variant"],
            f"{result['min_ms'] * 1e3:.1f}",
            f"{result['median_ms'] * 1e3:.1f}",
            "" if rate is None else f"{rate:.0f}",
            "" if ratio is None else f"{100 * ratio:.1f}",
        )
    print_result(shown)
    note(f"ceiling, on registers only, measured between the kernels: {ceiling:.0f} GbMAC/s")


if __name__ == "__main__":
    typer.run(main)
