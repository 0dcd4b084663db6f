"""`groupnet bench`: verify a bundle on a device, then time it there, alone or in turns with another."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import typer

from android_runner.latency import Interval, Ratio, mean_interval
from android_runner.sampling import (
    RUNS,
    Effort,
    WarmUp,
    is_sure,
    measure,
    measure_in_turns,
    warm_up,
)
from android_runner.throttling import Reading, busy_cores, judge
from groupnet.bench_native import HowNative, run_bench_native
from groupnet.bench_result import describe_interval, describe_latency
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
from groupnet.running import EMULATED, Running, all_on_device, describe_device, on_device
from groupnet.trace_events import trace_events, write_trace

Runtime = Literal["rpc", "aot"]

EMULATED_RUNS = 5
"""Emulated times are shown as what they are; a handful tells all there is to tell."""


@dataclass(frozen=True)
class How:
    """How to time.

    Attributes:
        threads: threads on the device.
        runs: timed runs, or the fewest with a confidence; None: as many as are usual.
        confidence: the share that the mean, or the ratio of two bundles, is to be known to; None: `runs` do.
        profile: time each kernel too.
        trace: where to write the profile as trace events; None: nowhere.
    """

    threads: int = 1
    runs: int | None = None
    confidence: float | None = None
    profile: bool = False
    trace: Path | None = None

    def effort(self, *, emulated: bool) -> Effort:
        """How much to measure; emulated times are not worth much."""
        usual = EMULATED_RUNS if emulated else RUNS
        return Effort(self.runs or usual, self.confidence, warm_up=not emulated)


@verb
def bench(
    bundle: Annotated[Path, typer.Argument(help="The bundle's folder.")],
    compare: Annotated[
        Path | None, typer.Option(help="Another bundle, timed in turns with the first one.")
    ] = None,
    device: Annotated[str, typer.Option(help="host, emulator or adb:SERIAL.")] = "host",
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
    profile: Annotated[
        bool, typer.Option("--profile", help="Then time each kernel, and tell memory, load time and energy.")
    ] = False,
    trace: Annotated[
        Path | None, typer.Option(help="Profile, and write trace events for ui.perfetto.dev there.")
    ] = None,
    runtime: Annotated[
        Runtime, typer.Option(help="rpc: the bundle's module; aot: an executable of its own without TVM.")
    ] = "rpc",
    cores: Annotated[
        str | None,
        typer.Option(help="With --runtime aot: prime, big, little, or numbers such as 4-7."),
    ] = None,
    db: Annotated[
        Path | None,
        typer.Option(help="With --runtime aot: the tuning records that the bundle was compiled with."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Verify a bundle on a device against PyTorch, integer by integer, then time it there."""
    for_rpc = {"compare": compare, "confidence": confidence, "profile": profile or None, "trace": trace}
    _check_runtime(runtime, {"cores": cores, "db": db}, for_rpc)
    if compare is not None and (profile or trace):
        raise OptionsError("expected --profile of one bundle; got --compare too; profile each by itself")
    device = reached_through(device, transport)
    with progress() as say:
        how = How(threads, runs, confidence, profile or trace is not None, trace)
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
    with on_device(bundle, device, say) as running:
        # First of all: verifying takes far more memory than running does.
        footprint = running.footprint() if how.profile else None
        timed = _Timed.verify(running, how.threads, say)
        effort = how.effort(emulated=running.device.emulated)
        say(f"warming up {bundle.manifest.name} on {running.device.name}")
        with running.watch() as readings:
            warmed = warm_up(timed.run, effort)
            say(f"timing {describe_effort(effort)} on {running.device.name}")
            samples = measure(timed.run, effort)
            if how.profile:
                keep_busy(timed.run, readings)
        result = {
            **timed.describe(warmed, samples),
            **_confidence(mean_interval(samples), effort),
            "throttling": _throttling(readings, how.threads),
        }
        if footprint is None:
            return result
        say(f"profiling {bundle.manifest.name} on {running.device.name}")
        calls = profile_calls(running, runs=effort.runs, threads=how.threads)
        ceiling = find_ceiling(running, how.threads, say)
    energy = describe_energy(readings, result["latency_ms"]["mean"])
    result["profile"] = describe_profile(calls, samples, footprint, ceiling, energy)
    if how.trace is not None:
        device_said = f"{result['device']['name']} ({result['device']['cpu']})"
        write_trace(trace_events(calls, result["name"], device_said, result["note"]), how.trace)
        note(f"wrote {how.trace}: open it in ui.perfetto.dev")
    return result


def run_comparison(
    bundle: Bundle, other: Bundle, device: str, how: How | None = None, *, say: Callable[[str], None]
) -> dict[str, Any]:
    """Verify two bundles, then time them in turns; what is returned is what `bench --compare --json` prints.

    Raises:
        BundleError, DeviceError: one of them does not run there, or computes other numbers than PyTorch.
    """
    how = how or How()
    with all_on_device([bundle, other], device, say) as both:
        a, b = (_Timed.verify(running, how.threads, say) for running in both)
        effort = how.effort(emulated=a.running.device.emulated)
        say(f"warming up on {a.running.device.name}")
        with a.running.watch() as readings:
            a_warmed, b_warmed = (warm_up(timed.run, effort) for timed in (a, b))
            say(f"timing {describe_effort(effort)} of each in turns on {a.running.device.name}")
            a_rounds, b_rounds = measure_in_turns(a.run, b.run, effort)
        ratio = Ratio.of(a_rounds, b_rounds)
        return {
            **a.describe(a_warmed, list(chain.from_iterable(a_rounds))),
            **_confidence(ratio.interval, effort),
            "throttling": _throttling(readings, how.threads),
            "compare": b.describe(b_warmed, list(chain.from_iterable(b_rounds))),
            "ratio": {
                "value": ratio.value,
                **describe_interval(ratio.interval),
                "rounds": ratio.rounds,
                "shows_difference": ratio.shows_difference,
            },
        }


def describe_effort(effort: Effort) -> str:
    """What is being done, in a few words."""
    if effort.confidence is None:
        return f"{effort.runs} runs"
    return f"at least {effort.runs} runs, until sure to {effort.confidence:.2%},"


@dataclass(frozen=True)
class _Timed:
    """A verified bundle that is timed on a device."""

    running: Running
    verified: dict[str, Any]
    inputs: tuple[npt.NDArray[np.generic], ...]
    threads: int

    @classmethod
    def verify(cls, running: Running, threads: int, say: Callable[[str], None]) -> "_Timed":
        """Verify a bundle first: what computes other numbers is not timed."""
        return cls(running, verify(running, say), running.bundle.reference().inputs, threads)

    def run(self, runs: int) -> list[float]:
        """Time so many runs; ms each."""
        return self.running.module.time("main", self.inputs, runs=runs, warmup=0, threads=self.threads)

    def describe(self, warmed: WarmUp, samples: Sequence[float]) -> dict[str, Any]:
        """What `bench --json` prints of one bundle."""
        bundle, device = self.running.bundle, self.running.device
        return {
            "bundle": str(bundle.path),
            "name": bundle.manifest.name,
            "target": bundle.manifest.target.text,
            "runtime": "rpc",
            "device": describe_device(device),
            "verified": self.verified,
            "threads": self.threads,
            "warmup": warmed.runs,
            "warmup_stable": warmed.stable,
            "latency_ms": describe_latency(samples),
            "note": EMULATED if device.emulated else None,
        }


def _print_profile(result: dict[str, Any]) -> None:
    profile = result["profile"]
    print_result(profile_table(result))
    print_result(describe_sum(profile))
    print_result(describe_ceiling(profile["ceiling"]))
    print_result(describe_costs(profile))


def _throttling(readings: list[Reading], threads: int) -> dict[str, Any] | None:
    return asdict(judge(readings, busy_cores(readings, threads))) if readings else None


def _confidence(interval: Interval | None, effort: Effort) -> dict[str, Any]:
    reached = None if effort.confidence is None else is_sure(interval, effort)
    return {"confidence": effort.confidence, "confidence_reached": reached}


def verify(running: Running, say: Callable[[str], None]) -> dict[str, Any]:
    """Compare the loaded bundle with PyTorch; what is returned is `verified` of `bench --json`."""
    say(f"verifying {running.bundle.manifest.name} on {running.device.name}")
    report = running.verify()
    return {
        "binary_convs": report.binary_convs,
        "integers": report.integers,
        "exact": report.exact,
        "max_abs_err": report.max_abs_err,
        "max_abs_err_same_signs": report.forced_max_abs_err,
        "sign_flips": report.sign_flips,
        "signs": report.signs,
    }
