"""`groupnet tune`: measures what a model's kernels may be built with, and records what is fastest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from groupnet.boundary import verb
from groupnet.console import AsJson, note, print_json, print_result, progress, table
from groupnet.default_command import DefaultCommandGroup
from groupnet.device_options import Transport, reached_through
from groupnet.errors import TuningError
from groupnet.host_peak import measure_host_peak
from groupnet.model_source import Request, load_model
from groupnet.pixels import choose_input
from groupnet.running import EMULATED
from groupnet.tune_report import report
from groupnet.tuning_device import TuningDevice, explain_end, tuning_device
from groupnet.tuning_progress import Limits, TuningView, tuning_progress

if TYPE_CHECKING:
    from android_runner.tuning.session import KernelResult
    from tvm_schedules.tuning.request import KernelTask

NAME = "tune"

app = typer.Typer(
    cls=DefaultCommandGroup,
    help="Measure what kernels may be built with; `tune report DB` draws the records.",
)
app.command("report")(report)


@app.command(
    NAME,
    epilog="`groupnet tune report DB` draws the records as a page, see `groupnet tune report --help`; "
    "a model in a file named report is ./report.",
)
@verb
def tune(
    model: Annotated[str, typer.Argument(help="A zoo name, an architecture, a checkpoint or a .pt2 file.")],
    db: Annotated[Path, typer.Option(help="Folder of the records; made where there is none.")],
    trials: Annotated[int, typer.Option(min=0, help="New measurements at most, over all kernels.")] = 256,
    time_limit: Annotated[
        float | None, typer.Option(min=0, help="Seconds of measuring, confirming apart.")
    ] = None,
    device: Annotated[
        str, typer.Option(help="host, emulator, adb:SERIAL or tracker:HOST:PORT/KEY.")
    ] = "host",
    transport: Transport = None,
    cores: Annotated[
        str | None,
        typer.Option(help="A phone's: prime, big, little, or numbers such as 4-7.", show_default="prime"),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(help="What to build for, as of compile.", show_default="what the device is"),
    ] = None,
    threads: Annotated[
        str, typer.Option(help="Threads of the kernels, as in 1,2: tuned for one after the other.")
    ] = "1",
    bases: Annotated[int | None, typer.Option(min=1, help="K, for an architecture.")] = None,
    input_size: Annotated[
        int | None, typer.Option(min=1, help="Height and width, for an architecture.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of proposals.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Measure what kernels may be built with; run again, it goes on where it ended."""
    request = Request(model, bases, input_size)
    numbers = parse_threads(threads)
    where = tuning_device(reached_through(device, transport), cores, target)
    for number in numbers:
        where.check_threads(number)
    result = run_tune(request, db, where, trials=trials, time_limit_s=time_limit, threads=numbers, seed=seed)
    if as_json:
        print_json(result)
    else:
        _print_result(result)


def parse_threads(text: str) -> tuple[int, ...]:
    """Return the numbers of threads of a text such as `1,2`.

    Raises:
        TuningError: it is no such text.
    """
    parts = text.split(",")
    if not all(part.isdecimal() and int(part) for part in parts):
        raise TuningError(f"expected --threads with numbers such as 1,2; got '{text}'; give one at least")
    return tuple(dict.fromkeys(map(int, parts)))


def run_tune(
    request: Request,
    folder: Path,
    device: TuningDevice,
    *,
    trials: int,
    time_limit_s: float | None,
    threads: Sequence[int],
    seed: int = 0,
) -> dict[str, Any]:
    """Tune a model's kernels; what is returned is what `tune --json` prints.

    Raises:
        GroupNetError, ModelsError, FrontendError, ScheduleError, DeviceError: see their trees.
    """
    with progress() as say:
        tasks = model_kernels(request, device.target, say)
    if device.emulated:
        note(f"note: {EMULATED}: what is found here is recorded as such, and `compile --db` will not use it")
    measured, failures, kernels = 0, [], []
    for number in threads:
        done = _tune_threads(
            tasks, folder, device, number, trials=trials, time_limit_s=time_limit_s, seed=seed
        )
        measured += done.trials
        failures += done.failures
        kernels += [{**_describe(result), "threads": number} for result in done.results]
    return {
        "model": request.model,
        "database": str(folder),
        "conditions": device.conditions(threads[0]).model_dump(mode="json"),
        "threads": list(threads),
        "trials_measured": measured,
        "failures": failures,
        "kernels": kernels,
    }


@dataclass(frozen=True)
class _Tuned:
    trials: int
    failures: list[dict[str, str]]
    results: "list[KernelResult]"


def _tune_threads(
    tasks: "Sequence[KernelTask]",
    folder: Path,
    device: TuningDevice,
    threads: int,
    *,
    trials: int,
    time_limit_s: float | None,
    seed: int,
) -> _Tuned:
    from android_runner.errors import DevicesGoneError
    from android_runner.tuning.records import Database
    from android_runner.tuning.session import Session

    database = Database(folder)
    failures: list[dict[str, str]] = []
    peak = measure_host_peak(folder, device, threads, note)
    with device.open_measurer(threads) as measurer:
        conditions = device.conditions(threads)
        session = Session(
            tasks, device.target, database, conditions, measurer, seed=seed, parallel=device.parallel
        )
        for line in database.skipped:
            note(f"note: skipped an unreadable record at {line}")

        view = TuningView(session.searches, Limits(trials, time_limit_s), _place(device, threads), peak)
        with tuning_progress(view) as show:

            def tell(search: Any, answer: Any) -> None:
                if answer.outcome != "ok":
                    failure = {"key": search.task.key, "outcome": answer.outcome, "reason": answer.reason}
                    failures.append(failure)
                show(search, answer)

            try:
                results = session.run(trials, time_limit_s, tell)
            except DevicesGoneError as exc:
                raise explain_end(exc, session.trials) from exc
    return _Tuned(session.trials, failures, results)


def _place(device: TuningDevice, threads: int) -> str:
    emulated = ", emulated" if device.emulated else ""
    return f"{device.cpu}{emulated}, {threads} thread{'s' * (threads > 1)}"


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
