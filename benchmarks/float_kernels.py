"""Float kernels and glue on this machine: their time beside the least that they can take.

`python -m benchmarks.float_kernels [--threads 1] [--rounds 20] [--json]`

Kernels are called by the Relax virtual machine, short ones CHAIN times a run. A bound is the larger of two
times, at ceilings that take their turn in every round (`ceilings.c`): the products at the rate of fused
multiply-adds on registers (for stems that multiply bytes of pixels, a third of the byte products), and the
bytes of the tensors, each once, at the rate of copying 1 MiB.
"""

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from tvm import relax

from android_runner.devices import open_device
from benchmarks.ceilings import ceilings
from benchmarks.float_layers import FloatKernel, float_kernels
from benchmarks.interleave import Measure, Samples, interleave
from benchmarks.network_kernels import multiplies_bytes
from benchmarks.rows import print_rows
from frontend.build import build_library, plan_memory
from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_result, progress, table
from tvm_schedules.targets import resolve_target

CHAIN = 8
"""Calls of the same short kernel in a run, so that starting a run does not count."""

LONG_MACS = 16_000_000
"""Products of a kernel that is called once a run: a machine's other work seldom spares long runs."""

RUNS_A_ROUND = 5


@verb
def main(
    threads: Annotated[int, typer.Option(min=1, help="Threads of kernels and ceilings.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds; everything runs in each.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Time float convolutions, the classifier, pools and resizes beside their bounds."""
    target = resolve_target("host")
    with tempfile.TemporaryDirectory() as folder, progress() as say, ceilings(threads) as limits:
        say("building kernels")
        kernels = float_kernels(target)
        library = Path(folder) / "kernels.so"
        build_library(plan_memory(chains(kernels)), target, library)
        with open_device("host").session() as session:
            module = session.load(library)

            def engine(index: int, kernel: FloatKernel) -> Measure:
                return lambda: module.time(
                    function_name(index), kernel.inputs, runs=RUNS_A_ROUND, warmup=1, threads=threads
                )

            engines = {kernel.name: engine(index, kernel) for index, kernel in enumerate(kernels)}
            bounds = {name: loop.measure for name, loop in limits.by_name().items() if name != "binary"}
            samples = interleave(bounds | engines, rounds, say)
    macs_s = limits.float.rate(samples["float"].min_ms)
    bytes_s = limits.copy.rate(samples["copy"].min_ms)
    pixels_s = limits.pixel.rate(samples["pixel"].min_ms) if limits.pixel else None
    rows = []
    for kernel in kernels:
        products_s = pixels_s if pixels_s and multiplies_bytes(kernel.symbol) else macs_s
        rows.append(row(kernel, threads, samples[kernel.name], products_s, bytes_s, fma_s=macs_s))
    if as_json:
        print_rows(rows)
    else:
        _print_table(rows, threads)
        of_pixels = f", {pixels_s / 1e9:.1f} GMAC/s of pixels by bytes" if pixels_s else ""
        note(f"ceilings: {macs_s / 1e9:.1f} GMAC/s, {bytes_s / 1e9:.0f} GB/s read and written{of_pixels}")


def function_name(index: int) -> str:
    """The Relax function that calls the kernel of that number."""
    return f"kernel_{index}"


def calls(kernel: FloatKernel) -> int:
    """How often a run calls the kernel."""
    return 1 if kernel.macs >= LONG_MACS else CHAIN


def chains(kernels: list[FloatKernel]) -> Any:
    """A module with one Relax function for each kernel: `calls` of it on the function's arguments."""
    builder = relax.BlockBuilder()
    for index, kernel in enumerate(kernels):
        called = builder.add_func(kernel.function, kernel.symbol)
        *given, written = (
            relax.TensorType([int(extent) for extent in parameter.ty.shape], str(parameter.ty.dtype))
            for parameter in kernel.function.params
        )
        inputs = [relax.Var(f"x{i}", kind) for i, kind in enumerate(given)]
        with builder.function(function_name(index), inputs):
            with builder.dataflow():
                for _ in range(calls(kernel)):
                    last = builder.emit(relax.call_tir(called, inputs, written))
                result = builder.emit_output(last)
            builder.emit_func_output(result)
    return builder.get()


def row(
    kernel: FloatKernel, threads: int, measured: Samples, macs_s: float, bytes_s: float, *, fma_s: float
) -> dict[str, Any]:
    """One result, of a single call; `bound` says which of the two times the bound is.

    Args:
        kernel: what was measured.
        threads: how many ran it.
        measured: milliseconds of runs, of `calls` each.
        macs_s: products per second that its instructions could do.
        bytes_s: bytes per second that could be moved.
        fma_s: products per second of multiply-adds, which `of_fma_peak` compares with: a kernel that
            multiplies bytes of pixels may do more.
    """
    min_ms, median_ms = measured.min_ms / calls(kernel), measured.median_ms / calls(kernel)
    by_products, by_bytes = 1e3 * kernel.macs / macs_s, 1e3 * kernel.tensor_bytes / bytes_s
    bound_ms = max(by_products, by_bytes)
    return {
        "benchmark": "float_kernels",
        "name": kernel.name,
        "engine": "groupnet",
        "threads": threads,
        "min_ms": min_ms,
        "median_ms": median_ms,
        "bound_ms": bound_ms,
        "bound": "products" if by_products >= by_bytes else "bytes",
        "ratio": min_ms / bound_ms,
        "of_fma_peak": 1e3 * kernel.macs / fma_s / min_ms if kernel.macs else None,
    }


def _print_table(rows: list[dict[str, Any]], threads: int) -> None:
    numbers = ("min us", "median us", "bound us", "min / bound", "% of FMA peak")
    title = f"Float kernels and glue, {threads} thread{'s' * (threads > 1)}"
    shown = table(title, "kernel", *numbers[:3], "bound by", *numbers[3:], numbers=numbers)
    for result in rows:
        peak = result["of_fma_peak"]
        shown.add_row(
            result["name"],
            *(f"{1e3 * result[key]:.1f}" for key in ("min_ms", "median_ms", "bound_ms")),
            result["bound"],
            f"{result['ratio']:.2f}",
            "" if peak is None else f"{100 * peak:.1f}",
        )
    print_result(shown)


if __name__ == "__main__":
    typer.run(main)
