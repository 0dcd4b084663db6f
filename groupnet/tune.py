"""`groupnet tune`: measures what a model's kernels may be built with, and records what is fastest."""

from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_json, print_result, progress, progress_bar, table
from groupnet.errors import TuningError
from groupnet.model_source import Request, load_model
from groupnet.pixels import choose_input
from groupnet.tuned_kernels import core_of

if TYPE_CHECKING:
    from android_runner.tuning.session import KernelResult
    from tvm_schedules.tuning.request import KernelTask

MEASUREMENT_LIMIT_S = 30.0
"""What a choice that hangs costs."""


@verb
def tune(
    model: Annotated[str, typer.Argument(help="A zoo name, an architecture, a checkpoint or a .pt2 file.")],
    db: Annotated[Path, typer.Option(help="Folder of the records; made where there is none.")],
    trials: Annotated[int, typer.Option(min=0, help="New measurements at most, over all kernels.")] = 256,
    time_limit: Annotated[
        float | None, typer.Option(min=0, help="Seconds of measuring, confirming apart.")
    ] = None,
    device: Annotated[str, typer.Option(help="host.")] = "host",
    threads: Annotated[int, typer.Option(min=1, help="Threads of the kernels.")] = 1,
    bases: Annotated[int | None, typer.Option(min=1, help="K, for an architecture.")] = None,
    input_size: Annotated[
        int | None, typer.Option(min=1, help="Height and width, for an architecture.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of proposals.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure what kernels may be built with; run again, it goes on where it ended."""
    if device != "host":
        raise TuningError(f"expected --device host; got {device}; other devices cannot be tuned on yet")
    request = Request(model, bases, input_size)
    result = run_tune(request, db, trials=trials, time_limit_s=time_limit, threads=threads, seed=seed)
    if as_json:
        print_json(result)
    else:
        _print_result(result)


def run_tune(
    request: Request, folder: Path, *, trials: int, time_limit_s: float | None, threads: int, seed: int = 0
) -> dict[str, Any]:
    """Tune a model's kernels on this machine; what is returned is what `tune --json` prints.

    Raises:
        GroupNetError, ModelsError, FrontendError, ScheduleError, DeviceError: see their trees.
    """
    from tvm_schedules.targets import resolve_target

    target = resolve_target("host")
    with progress() as say:
        tasks = model_kernels(request, target, say)

    from android_runner.probe import host_cpu_name
    from android_runner.tuning.records import Conditions, Database
    from android_runner.tuning.session import Session
    from android_runner.tuning.worker import Worker

    conditions = Conditions(
        core=core_of(target),
        cpu=host_cpu_name(),
        threads=threads,
        tvm=version("apache-tvm"),
        groupnet=version("groupnet"),
    )
    database = Database(folder)
    failures: list[dict[str, str]] = []
    with Worker(threads, MEASUREMENT_LIMIT_S) as worker, progress_bar(trials) as show:
        session = Session(tasks, target, database, conditions, worker, seed=seed)
        for line in database.skipped:
            note(f"note: skipped an unreadable record at {line}")

        def tell(search: Any, answer: Any) -> None:
            if answer.outcome != "ok":
                failures.append({"key": search.task.key, "outcome": answer.outcome, "reason": answer.reason})
            show(f"{search.best_ratio:.3f} of default {search.task.key}", session.trials)

        results = session.run(trials, time_limit_s, tell)
    return {
        "model": request.model,
        "database": str(folder),
        "conditions": conditions.model_dump(mode="json"),
        "trials_measured": session.trials,
        "failures": failures,
        "kernels": [_describe(result) for result in results],
    }


def model_kernels(request: Request, target: Any, say: Callable[[str], None]) -> tuple["KernelTask", ...]:
    """Extract the kernels that `groupnet compile` would build for a model by default.

    Raises:
        GroupNetError, ModelsError, FrontendError, ScheduleError: see their trees.
    """
    say("loading the model")
    loaded = load_model(request)

    from frontend.extract_kernels import extract_kernels
    from frontend.normalisation import Normalisation

    prepared = loaded.preprocessing
    pixels = choose_input(loaded, None, note) == "uint8"
    say("finding its kernels")
    normalisation = Normalisation(prepared.mean, prepared.std) if pixels else None
    return extract_kernels(loaded.exported, target, normalisation=normalisation)


def _describe(result: "KernelResult") -> dict[str, Any]:
    winner = result.winner
    return {
        "key": result.task.key,
        "calls": result.task.calls,
        "space": result.space,
        "tried": result.tried,
        "measured": result.measured,
        "choice": winner.choice if winner else None,
        "default_us": _microseconds(winner.default_seconds if winner else None),
        "best_us": _microseconds(winner.seconds if winner else None),
        "speedup": 1 / winner.ratio if winner and winner.ratio else None,
        "drift": result.drift,
    }


def _microseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1e6


def _print_result(result: dict[str, Any]) -> None:
    numbers = ("calls", "tried", "space", "default us", "best us", "speed-up", "drift")
    shown = table("Kernels", "kernel", "choice", *numbers, numbers=numbers)
    for kernel in result["kernels"]:
        counts = [str(kernel[key]) for key in ("calls", "tried", "space")]
        times = [f"{kernel[key]:.1f}" if kernel[key] else "" for key in ("default_us", "best_us")]
        speedup = f"{kernel['speedup']:.3f}" if kernel["speedup"] else ""
        shown.add_row(
            kernel["key"], kernel["choice"] or "", *counts, *times, speedup, f"{kernel['drift']:.2f}"
        )
    print_result(shown)
    measured = [kernel for kernel in result["kernels"] if kernel["best_us"]]
    before, after = (sum(k["calls"] * k[key] for k in measured) / 1e3 for key in ("default_us", "best_us"))
    failed = len(result["failures"])
    print_result(
        f"{result['trials_measured']} measured, {failed} of them not usable; the {len(measured)} kernels "
        f"with a winner take {after:.3f} ms in sum, {before:.3f} ms by default"
    )
