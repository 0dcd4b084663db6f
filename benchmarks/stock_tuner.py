"""TVM's own tuner, MetaSchedule, on binary convolutions: its builder and runner, and its own search space."""

import json
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tvm
from tvm import te
from tvm.s_tir import meta_schedule

from benchmarks.errors import BenchmarkError
from benchmarks.layers import Layer
from benchmarks.stock_processes import PatientBuilder, Say, local_runner, rpc_runner

_WORD_BITS = 32
_TRIALS_A_ROUND = 16
"""Of the search; its default of 64 would leave a search as short as ours without a second round."""

_FAILED_S = 1e9
"""Where a candidate failed, MetaSchedule records a longer time than this."""

RUNNERS: dict[str, Callable[[Any, Say], AbstractContextManager[Any]]] = {
    "RPCRunner": rpc_runner,
    "LocalRunner": local_runner,
}


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


def measure_candidates(
    kernels: Sequence[Any], target: Any, timing_ms: int, processes: int, say: Say
) -> dict[str, StockTimes]:
    """Build kernels by `LocalBuilder`, all in one batch, and time them by each of `RUNNERS`.

    Args:
        kernels: PrimFuncs.
        target: what they are built for.
        timing_ms: least time that a candidate is timed for; MetaSchedule's default is 100.
        processes: that build at the same time.
        say: takes what is being done.

    Raises:
        BenchmarkError: not one of them was built, or timed.
    """
    modules = [tvm.IRModule({"main": kernel.with_attr("global_symbol", "main")}) for kernel in kernels]
    evaluation = meta_schedule.runner.EvaluatorConfig(number=3, repeat=1, min_repeat_ms=timing_ms)
    found = {}
    with _quiet():
        began = time.perf_counter()
        builder = PatientBuilder(processes, say)
        started = time.perf_counter()
        built = builder.build([meta_schedule.builder.BuilderInput(module, target) for module in modules])
        compiled = time.perf_counter()
        inputs = [
            meta_schedule.runner.RunnerInput(result.artifact_path, "cpu", _arguments(module["main"]))
            for module, result in zip(modules, built, strict=True)
            if result.error_msg is None
        ]
        for name, open_runner in RUNNERS.items():
            before = time.perf_counter()
            with open_runner(evaluation, say) as runner:
                opened = time.perf_counter()
                results = [future.result() for future in runner.run(inputs)]
                ended = time.perf_counter()
            measured = sum(result.error_msg is None for result in results)
            if not measured:
                reasons = [one.error_msg for one in (*built, *results) if one.error_msg is not None]
                raise BenchmarkError(f"expected times of {name}; got none, the first reason: {reasons[0]}")
            start = started - began + opened - before
            found[name] = StockTimes(start, compiled - started, ended - opened, measured)
        for one in inputs:
            shutil.rmtree(Path(one.artifact_path).parent)
    return found


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


def tune_plain(
    layer: Layer, target: Any, trials: int, processes: int, seed: int, say: Say
) -> tuple[Any, float, int]:
    """Search MetaSchedule's own space.

    Returns:
        The best module, compiled; the seconds that it took; and how many candidates gave a time.

    Raises:
        BenchmarkError: no candidate worked.
    """
    module = tvm.IRModule({"main": plain_convolution(layer)})
    # Its rules for parallel loops want to know for how many cores.
    told = tvm.target.Target({**json.loads(str(target)), "num-cores": 1})
    began = time.perf_counter()
    evaluation = meta_schedule.runner.EvaluatorConfig()
    with (
        _quiet(),
        tempfile.TemporaryDirectory() as folder,
        local_runner(evaluation, say) as runner,
    ):
        database = meta_schedule.tune_tir(
            module,
            told,
            folder,
            max_trials_global=trials,
            num_trials_per_iter=min(trials, _TRIALS_A_ROUND),
            builder=PatientBuilder(processes, say),
            runner=runner,
            space="post-order-apply",
            num_tuning_cores=1,
            seed=seed,
        )
        found = meta_schedule.tir_integration.compile_tir(database, module, told)
        times = [float(record.run_secs[0]) for record in database.get_all_tuning_records()]
    if found is None:
        raise BenchmarkError("expected MetaSchedule to find a schedule; got none; try more trials")
    return (
        tvm.compile(found.mod, target=told),
        time.perf_counter() - began,
        sum(one < _FAILED_S for one in times),
    )


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
