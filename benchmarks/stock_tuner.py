"""TVM's own tuner, MetaSchedule, on binary convolutions: its builder and runner, and its own search space."""

import json
import logging
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import tvm
from tvm import te
from tvm.s_tir import meta_schedule

from benchmarks.errors import BenchmarkError
from benchmarks.layers import Layer

_WORD_BITS = 32
_TRIALS_A_ROUND = 16
"""Of the search; its default of 64 would leave nothing to learn from in a search as short as ours."""


@dataclass(frozen=True)
class StockTimes:
    """What measuring candidates took, in seconds of this process's clock.

    Attributes:
        start: until builder and runner had their processes.
        build: compiling and exporting all candidates, in processes that are started for it.
        run: loading and timing them.
        measured: how many gave a time.
    """

    start: float
    build: float
    run: float
    measured: int


def check_installed() -> None:
    """Refuse to begin without what MetaSchedule's processes import.

    Raises:
        BenchmarkError: psutil is not installed.
    """
    if find_spec("psutil") is None:
        raise BenchmarkError(
            "expected psutil, which MetaSchedule needs; got none: pip install -c constraints.txt '.[peers]'"
        )


def measure_candidates(kernels: Sequence[Any], target: Any, timing_ms: int, processes: int) -> StockTimes:
    """Build and time kernels by `LocalBuilder` and `LocalRunner`, all in one batch.

    Args:
        kernels: PrimFuncs.
        target: what they are built for.
        timing_ms: least time that a candidate is timed for; MetaSchedule's default is 100.
        processes: that build at the same time.

    Raises:
        BenchmarkError: not one of them was timed.
    """
    modules = [tvm.IRModule({"main": kernel.with_attr("global_symbol", "main")}) for kernel in kernels]
    with _quiet():
        began = time.perf_counter()
        builder = meta_schedule.builder.LocalBuilder(max_workers=processes)
        config = meta_schedule.runner.EvaluatorConfig(number=3, repeat=1, min_repeat_ms=timing_ms)
        runner = meta_schedule.runner.LocalRunner(evaluator_config=config)
        started = time.perf_counter()
        built = builder.build([meta_schedule.builder.BuilderInput(module, target) for module in modules])
        compiled = time.perf_counter()
        inputs = [
            meta_schedule.runner.RunnerInput(result.artifact_path, "cpu", _arguments(module["main"]))
            for module, result in zip(modules, built, strict=True)
            if result.error_msg is None
        ]
        results = [future.result() for future in runner.run(inputs)]
        ended = time.perf_counter()
    measured = sum(result.error_msg is None for result in results)
    if not measured:
        reasons = [result.error_msg for result in (*built, *results) if result.error_msg is not None]
        raise BenchmarkError(f"expected times of MetaSchedule; got none, the first reason: {reasons[0]}")
    return StockTimes(started - began, compiled - started, ended - compiled, measured)


def plain_convolution(layer: Layer) -> Any:
    """Return the layer as a PrimFunc that a scheduler may change: `(words, weights, out)`.

    `words` uint32 [1, H + 2, W + 2, C / 32], `weights` uint32 [3, 3, C / 32, O], `out` int32 [1, H, W, O]:
    how many bits differ, without ReLU, scale and shift.
    """
    depth = layer.channels // _WORD_BITS
    padded = layer.size + 2
    words = te.placeholder((1, padded, padded, depth), "uint32", "words")
    weights = te.placeholder((3, 3, depth, layer.channels), "uint32", "weights")
    row, column, word = te.reduce_axis((0, 3)), te.reduce_axis((0, 3)), te.reduce_axis((0, depth))

    def differing(image: Any, y: Any, x: Any, channel: Any) -> Any:
        bits = words[image, y + row, x + column, word] ^ weights[row, column, word, channel]
        return te.sum(tvm.tirx.popcount(bits).astype("int32"), [row, column, word])

    out = te.compute((1, layer.size, layer.size, layer.channels), differing, "out")
    return te.create_prim_func([words, weights, out])


def tune_plain(layer: Layer, target: Any, trials: int, processes: int, seed: int) -> tuple[Any, float]:
    """Search MetaSchedule's own space, and return the best module, compiled, and the seconds that it took.

    Raises:
        BenchmarkError: no candidate worked.
    """
    module = tvm.IRModule({"main": plain_convolution(layer)})
    # Its rules for parallel loops want to know for how many cores.
    told = tvm.target.Target({**json.loads(str(target)), "num-cores": 1})
    began = time.perf_counter()
    with _quiet(), tempfile.TemporaryDirectory() as folder:
        database = meta_schedule.tune_tir(
            module,
            told,
            folder,
            max_trials_global=trials,
            num_trials_per_iter=min(trials, _TRIALS_A_ROUND),
            builder=meta_schedule.builder.LocalBuilder(max_workers=processes),
            runner="local",
            space="post-order-apply",
            num_tuning_cores=1,
            seed=seed,
        )
        found = meta_schedule.tir_integration.compile_tir(database, module, told)
    if found is None:
        raise BenchmarkError("expected MetaSchedule to find a schedule; got none; try more trials")
    return tvm.compile(found.mod, target=told), time.perf_counter() - began


def _arguments(function: Any) -> Any:
    return meta_schedule.arg_info.ArgInfo.from_prim_func(function)


@contextmanager
def _quiet() -> Iterator[None]:
    """MetaSchedule logs every step on stdout, which is for results."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)
