"""Our tuner beside MetaSchedule's: choices measured a minute, and what is found in as many trials.

`python -m benchmarks.tuners [--candidates 16] [--trials 64] [--processes 2] [--json]`

First the same candidates of the same kernels go through our measuring process, and through MetaSchedule's
`LocalBuilder` with `RPCRunner`, and with `LocalRunner`; ours compares numbers and times the default beside
each, theirs only times. Then each searches its own space with as many trials, and the two winners are
compared and timed in turns. Some 10 minutes on two quiet cores; what fails on a busy one is said, and done
once more.
"""

import os
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from android_runner.tuning.records import Database
from android_runner.tuning.session import BATCH, ROUNDS, Session
from android_runner.tuning.worker import Answer, Job, Worker
from benchmarks.errors import BenchmarkError
from benchmarks.interleave import Measure, Samples, interleave
from benchmarks.layers import RESNET18_STAGES, Layer
from benchmarks.rows import print_rows
from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_result, progress, table
from groupnet.tuning_device import TuningDevice, tuning_device
from tvm_schedules.binary_conv2d import BinaryEpilogue, fused_binary_conv2d_kernel
from tvm_schedules.tuning.choice import Choice, parse_choice
from tvm_schedules.tuning.request import KernelRequest, KernelTask, kernel_key, kernel_name
from tvm_schedules.tuning.spaces import kernel_space

Words = npt.NDArray[np.uint32]

LAYERS = RESNET18_STAGES[1:3]
SEARCHED = RESNET18_STAGES[2]
OURS, STOCK = "groupnet", "MetaSchedule"

TIMING_MS = 2 * ROUNDS
"""What a choice of ours and the default beside it are timed for; MetaSchedule times as long for one."""

LIMIT_S = 300.0
"""Of one of our measurements, which takes a fraction of a second: no machine is too busy for it."""


@verb
def main(
    candidates: Annotated[int, typer.Option(min=1, help="Of each of two kernels, measured by both.")] = 16,
    trials: Annotated[int, typer.Option(min=1, help="Of each search.")] = 64,
    processes: Annotated[int, typer.Option(min=1, help="That MetaSchedule builds with.")] = 2,
    rounds: Annotated[int, typer.Option(min=1, help="Of timing the winners in turns.")] = 20,
    seed: Annotated[int, typer.Option(help="Of both searches.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure both tuners in one run."""
    # Read once, when the runtime is loaded, here and in all processes.
    os.environ["TVM_NUM_THREADS"] = "1"
    from benchmarks.stock_processes import building_process_start_s, import_intrinsics
    from benchmarks.stock_tuner import check_installed, measure_candidates, tune_plain

    check_installed()
    device = tuning_device("host", None, None)
    with progress() as say:
        chosen = [
            (request_of(layer), choice) for layer in LAYERS for choice in drawn(layer, device, candidates)
        ]
        say(f"{OURS} measures {len(chosen)} candidates")
        measured, seconds = measure_ours(chosen, device)
        rows = [pace_row(OURS, measured, seconds)]
        kernels = [request.build(device.target, choice) for request, choice in chosen]
        for runner, times in measure_candidates(kernels, device.target, TIMING_MS, processes, say).items():
            parts = {"start": times.start, "build": times.build, "run": times.run}
            rows.append(pace_row(f"{STOCK}, {runner}", times.measured, parts))
        say("starting one process that builds for MetaSchedule")
        start_s = building_process_start_s()
        rows.append(pace_row(f"{STOCK}, start of a process that builds", 0, {"start": start_s}))
        if not as_json:
            _print_paces(rows)  # searching takes minutes
        winner, ours_s, ours_measured = search_ours(SEARCHED, device, trials, seed, say)
        say("loading what MetaSchedule searches with")
        import_intrinsics()
        say("MetaSchedule searches")
        stock, stock_s, stock_measured = tune_plain(SEARCHED, device.target, trials, processes, seed, say)
        say("timing the winners")
        samples = winners_in_turns(SEARCHED, device, winner, stock, rounds)
        searched = {OURS: (ours_measured, ours_s), STOCK: (stock_measured, stock_s)}
        for engine, (measured, searched_s) in searched.items():
            found = samples[engine]
            rows.append(winner_row(engine, measured, searched_s, found.min_ms, found.median_ms))
    if as_json:
        print_rows(rows)
    else:
        _print_winners([row for row in rows if row["min_ms"] is not None])


def request_of(layer: Layer) -> KernelRequest:
    """The layer with ReLU, scale and shift, as our kernels have it."""
    options = (("epilogue", BinaryEpilogue(relu=True)),)
    return KernelRequest(fused_binary_conv2d_kernel, layer.convolution, options)


def drawn(layer: Layer, device: TuningDevice, count: int) -> list[Choice]:
    """Choices spread over the layer's space, other than the default."""
    space = kernel_space(request_of(layer), device.target)[1:]
    return [space[place * len(space) // count] for place in range(min(count, len(space)))]


def measure_ours(
    chosen: Sequence[tuple[KernelRequest, Choice]], device: TuningDevice
) -> tuple[int, dict[str, float]]:
    """Measure by a new process.

    Returns:
        How many gave a time; and seconds, of its start with the first one, and of all others.
    """
    with Worker(1, LIMIT_S) as worker:
        began = time.perf_counter()
        ends, answers = [], []
        for request, choice in chosen:
            job = Job(request, choice, str(device.target), ROUNDS)
            answer = worker.measure(job)
            if answer.outcome != "ok":
                note(f"{choice} was not measured ({answer.reason}): once more")
                answer = worker.measure(job)
            answers.append(answer)
            ends.append(time.perf_counter())
    measured = sum(answer.outcome == "ok" for answer in answers)
    return measured, {"start": ends[0] - began, "measure": ends[-1] - ends[0]}


def search_ours(
    layer: Layer, device: TuningDevice, trials: int, seed: int, say: Callable[[str], None]
) -> tuple[Choice, float, int]:
    """Search our space in a new database.

    Returns:
        The winner; the seconds that it took, confirming included; and how many choices gave a time.
    """
    request = request_of(layer)
    key = kernel_key(kernel_name(request.build(device.target)))
    answers: list[Answer] = []

    def tell(_search: object, answer: Answer) -> None:
        answers.append(answer)
        if len(answers) % BATCH == 0:
            say(f"{OURS} searches: {len(answers)} of {trials}")

    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, Worker(1, LIMIT_S) as worker:
        database, tasks = Database(Path(folder)), [KernelTask(key, request, 1)]
        session = Session(tasks, device.target, database, device.conditions(1), worker, seed=seed)
        (result,) = session.run(trials, None, tell)
    default = str(kernel_space(request, device.target)[0])
    winner = parse_choice(result.winner.choice if result.winner else default)
    return winner, time.perf_counter() - began, sum(answer.outcome == "ok" for answer in answers)


def winners_in_turns(
    layer: Layer, device: TuningDevice, winner: Choice, stock: Any, rounds: int
) -> dict[str, Samples]:
    """Compare what both winners compute, then time them in turns.

    Raises:
        BenchmarkError: they differ.
    """
    import tvm

    kernel = request_of(layer).build(device.target, winner)
    name = kernel_name(kernel)
    ours = tvm.compile(tvm.IRModule({name: kernel}), target=device.target)
    extents = [tuple(int(extent) for extent in parameter.ty.shape) for parameter in kernel.params]
    rng = np.random.default_rng(0)
    words = rng.integers(0, 1 << 32, extents[0], np.uint32)
    packed = rng.integers(0, 1 << 32, extents[1], np.uint32)
    ones, zeros = np.ones(layer.channels, np.float32), np.zeros(layer.channels, np.float32)
    results = {OURS: np.zeros(extents[-1], np.float32), STOCK: np.zeros(extents[-1], np.int32)}
    arguments = {
        OURS: [words, packed, ones, zeros, results[OURS]],
        STOCK: [words, unblocked(packed), results[STOCK]],
    }
    modules = {OURS: (ours, name), STOCK: (stock, "main")}
    measures: dict[str, Measure] = {}
    for engine, (module, function) in modules.items():
        tensors = [tvm.runtime.tensor(array) for array in arguments[engine]]
        module[function](*tensors)
        results[engine] = tensors[-1].numpy()
        timed = module.mod.time_evaluator(function, tvm.cpu(), number=1, repeat=1, min_repeat_ms=5)
        measures[engine] = partial(_milliseconds, timed, tensors)
    dots = layer.convolution.taps - 2 * results[STOCK]
    if not np.array_equal(np.maximum(dots, 0), results[OURS]):
        raise BenchmarkError("expected equal numbers of both winners; got others; one of them is at fault")
    return interleave(measures, rounds)


def _milliseconds(timed: Any, tensors: list[Any]) -> list[float]:
    return [1e3 * float(timed(*tensors).mean)]


def unblocked(packed: Words) -> Words:
    """Packed weights [O / ot, KH, KW, C / 32, ot] as [KH, KW, C / 32, O]."""
    blocks, *window, depth, block = packed.shape
    return np.ascontiguousarray(packed.transpose(1, 2, 3, 0, 4)).reshape(*window, depth, blocks * block)


def pace_row(engine: str, measured: int, seconds: dict[str, float]) -> dict[str, Any]:
    """A row on how fast candidates were measured; `seconds` are of the parts, or of a start alone."""
    return {
        "benchmark": "tuners",
        "name": "measuring",
        "engine": engine,
        "threads": 1,
        "min_ms": None,
        "median_ms": None,
        "trials": measured,
        "seconds": seconds,
        "per_minute": 60 * measured / sum(seconds.values()) if measured else None,
    }


def winner_row(
    engine: str, trials: int, searched_s: float, min_ms: float, median_ms: float
) -> dict[str, Any]:
    """A row on what a search found."""
    return {
        "benchmark": "tuners",
        "name": f"searching {SEARCHED.name}",
        "engine": engine,
        "threads": 1,
        "min_ms": min_ms,
        "median_ms": median_ms,
        "trials": trials,
        "seconds": {"search": searched_s},
        "per_minute": 60 * trials / searched_s,
    }


def _print_paces(rows: Sequence[dict[str, Any]]) -> None:
    numbers = ("candidates", "per minute")
    shown = table("Measuring the same candidates", "tuner", *numbers, "seconds", numbers=numbers)
    for row in rows:
        parts = ", ".join(f"{part} {seconds:.1f}" for part, seconds in row["seconds"].items())
        pace = (str(row["trials"]), f"{row['per_minute']:.1f}") if row["trials"] else ("", "")
        shown.add_row(row["engine"], *pace, parts)
    print_result(shown)


def _print_winners(rows: Sequence[dict[str, Any]]) -> None:
    numbers = ("trials", "search s", "best µs", "median µs")
    shown = table(f"Searching for {SEARCHED.name}, winners in turns", "tuner", *numbers, numbers=numbers)
    for row in rows:
        times = (f"{1e3 * row[key]:.1f}" for key in ("min_ms", "median_ms"))
        shown.add_row(row["engine"], str(row["trials"]), f"{row['seconds']['search']:.0f}", *times)
    print_result(shown)


if __name__ == "__main__":
    typer.run(main)
