"""`groupnet bench`: verify a bundle on a device, then time it there, alone or in turns with another."""

import statistics
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from android_runner.attempts import best_attempt
from android_runner.latency import Ratio, mean_interval
from android_runner.run_control import RunControl
from android_runner.sampling import RUNS, Samples, WarmUp, measure, measure_in_turns, warm_up
from android_runner.throttling import Reading
from groupnet.bench_native import HowNative, run_bench_native
from groupnet.bench_result import describe_interval
from groupnet.bench_table import (
    describe_check,
    describe_ratio,
    describe_verification,
    latency_table,
    told_apart,
)
from groupnet.boundary import verb
from groupnet.bundle import Bundle, load_bundle
from groupnet.console import AsJson, note, print_json, print_result, progress
from groupnet.device_options import Transport, reached_through
from groupnet.errors import OptionsError
from groupnet.profile import describe_energy, describe_profile, find_ceiling, keep_busy, profile_calls
from groupnet.profile_table import describe_ceiling, describe_costs, describe_sum, profile_table
from groupnet.run_record import describe_attempts, describe_control, measure_unthrottled
from groupnet.running import all_on_device, on_device
from groupnet.timed_bundle import (
    EMULATED_RUNS,
    How,
    TimedBundle,
    describe_confidence,
    describe_effort,
)
from groupnet.trace_events import write_trace

Runtime = Literal["rpc", "aot"]

_Rounds = tuple[list[WarmUp], list[Samples], list[Samples]]


@verb
def bench(
    bundle: Annotated[Path, typer.Argument(help="The bundle's folder.")],
    compare: Annotated[
        Path | None, typer.Option(help="Another bundle, timed in turns with the first one.")
    ] = None,
    device: Annotated[str, typer.Option(help="host, emulator, adb:SERIAL or rpc:HOST:PORT.")] = "host",
    transport: Transport = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads on the device.")] = 1,
    runs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Timed runs, or the fewest with --confidence.",
            show_default=f"{RUNS}, emulated {EMULATED_RUNS}",
        ),
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(
            min=0.0001,
            max=0.5,
            help="Go on until the mean (of two bundles, their ratio) is known to this share: 0.01 is 1 %.",
        ),
    ] = None,
    cores: Annotated[
        str | None,
        typer.Option(
            help="A phone's: prime, big, little, or numbers such as 4-7.", show_default="the runtime's choice"
        ),
    ] = None,
    governor: Annotated[
        str | None,
        typer.Option(help="What sets their clocks meanwhile, where the phone permits it: performance."),
    ] = None,
    profile: Annotated[
        bool, typer.Option("--profile", help="Then time each kernel, and tell memory, load time and energy.")
    ] = False,
    trace: Annotated[
        Path | None, typer.Option(help="Profile, and write trace events for ui.perfetto.dev there.")
    ] = None,
    runtime: Annotated[
        Runtime, typer.Option(help="rpc: the bundle's module; aot: an executable of its own without TVM.")
    ] = "rpc",
    db: Annotated[
        Path | None,
        typer.Option(help="With --runtime aot: the tuning records that the bundle was compiled with."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify a bundle on a device against PyTorch, integer by integer, then time it there."""
    for_rpc = {"compare": compare, "confidence": confidence, "profile": profile or None, "trace": trace}
    _check_runtime(runtime, {"db": db}, {**for_rpc, "governor": governor})
    if compare is not None and (profile or trace):
        raise OptionsError("expected --profile of one bundle; got --compare too; profile each by itself")
    device = reached_through(device, transport)
    with progress() as say:
        control = RunControl(cores, governor)
        how = How(threads, runs, confidence, profile or trace is not None, trace, control)
        first = load_bundle(bundle)
        if runtime == "aot":
            result = run_bench_native(first, device, HowNative(threads, runs, cores, db), say=say)
        elif compare is None:
            result = run_bench(first, device, how, say=say)
        else:
            result = run_comparison(first, load_bundle(compare), device, how, say=say)
    if as_json:
        print_json(result)
        return
    results = [result] if compare is None else [result, result["compare"]]
    names = told_apart([one["name"] for one in results], [bundle, *([compare] if compare else [])])
    print_result(latency_table(results, names))
    if compare is not None:
        print_result(describe_ratio(result["ratio"], names[1], names[0]))
    for one in results:
        verified = one["verified"]
        print_result(describe_verification(verified) if verified else describe_check(one["checked"]))
    if how.profile:
        _print_profile(result)


def _check_runtime(runtime: Runtime, aot: dict[str, Any], rpc: dict[str, Any]) -> None:
    """Raise where an option of one runtime was given for the other; saying so beats ignoring it."""
    wrong = [
        f"--{option}" for option, value in (rpc if runtime == "aot" else aot).items() if value is not None
    ]
    if wrong:
        other = "rpc" if runtime == "aot" else "aot"
        raise OptionsError(
            f"expected {' and '.join(wrong)} with --runtime {other}; got --runtime {runtime}: leave one out"
        )


def run_bench(
    bundle: Bundle, device: str, how: How | None = None, *, say: Callable[[str], None]
) -> dict[str, Any]:
    """Verify, then time; what is returned is what `bench --json` prints.

    Raises:
        BundleError, DeviceError: the bundle does not run there, or computes other numbers than PyTorch.
    """
    how = how or How()
    with on_device(bundle, device, say, how.control) as running:
        # First of all: verifying takes far more memory than running does.
        footprint = running.footprint() if how.profile else None
        timed = TimedBundle.verify(running, how.threads, say)
        effort = how.effort(emulated=running.device.emulated)

        def measure_once(readings: list[Reading]) -> tuple[tuple[WarmUp, Samples], float]:
            say(f"warming up {bundle.manifest.name} on {running.device.name}")
            warmed = warm_up(timed.run, effort)
            say(f"timing {describe_effort(effort)} on {running.device.name}")
            samples = measure(timed.run, effort)
            if how.profile:
                keep_busy(timed.run, readings)
            return (warmed, samples), statistics.median(samples)

        attempts = measure_unthrottled(running, how.threads, measure_once, say)
        chosen = best_attempt(attempts)
        warmed, samples = chosen.measured
        result = {
            **timed.describe(warmed, samples),
            **describe_confidence(mean_interval(samples), effort),
            **describe_attempts(attempts),
        }
        if footprint is not None:
            say(f"profiling {bundle.manifest.name} on {running.device.name}")
            calls = profile_calls(running, runs=effort.runs, threads=how.threads)
            ceiling = find_ceiling(running, how.threads, say)
            energy = describe_energy(chosen.readings, statistics.fmean(samples))
            result["profile"] = describe_profile(calls, samples, footprint, ceiling, energy)
            if how.trace is not None:
                write_trace(calls, result, how.trace)
                note(f"wrote {how.trace}: open it in ui.perfetto.dev")
    # Only now the governors are what they were.
    return result | {"run_control": describe_control(running.conditions)}


def run_comparison(
    bundle: Bundle, other: Bundle, device: str, how: How | None = None, *, say: Callable[[str], None]
) -> dict[str, Any]:
    """Verify two bundles, then time them in turns; what is returned is what `bench --compare --json` prints.

    Raises:
        BundleError, DeviceError: one of them does not run there, or computes other numbers than PyTorch.
    """
    how = how or How()
    with all_on_device([bundle, other], device, say, how.control) as both:
        a, b = (TimedBundle.verify(running, how.threads, say) for running in both)
        running = a.running
        effort = how.effort(emulated=running.device.emulated)

        def measure_once(_readings: list[Reading]) -> tuple[_Rounds, float]:
            say(f"warming up on {running.device.name}")
            warmed = [warm_up(timed.run, effort) for timed in (a, b)]
            say(f"timing {describe_effort(effort)} of each in turns on {running.device.name}")
            rounds = measure_in_turns(a.run, b.run, effort)
            return (warmed, *rounds), statistics.median(chain.from_iterable(rounds[0]))

        attempts = measure_unthrottled(running, how.threads, measure_once, say)
        (a_warmed, b_warmed), a_rounds, b_rounds = best_attempt(attempts).measured
        ratio = Ratio.of(a_rounds, b_rounds)
        result = {
            **a.describe(a_warmed, list(chain.from_iterable(a_rounds))),
            **describe_confidence(ratio.interval, effort),
            **describe_attempts(attempts),
            "compare": b.describe(b_warmed, list(chain.from_iterable(b_rounds))),
            "ratio": {
                "value": ratio.value,
                **describe_interval(ratio.interval),
                "rounds": ratio.rounds,
                "shows_difference": ratio.shows_difference,
            },
        }
    return result | {"run_control": describe_control(running.conditions)}


def _print_profile(result: dict[str, Any]) -> None:
    profile = result["profile"]
    print_result(profile_table(result))
    print_result(describe_sum(profile))
    print_result(describe_ceiling(profile["ceiling"]))
    print_result(describe_costs(profile))
