"""What `groupnet bench` makes of a device's times, with a device that answers what the test says."""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from android_runner.call_profile import Call, CallProfile, CoreCeilings, Footprint, ProfiledRun
from android_runner.device import DeviceInfo
from android_runner.throttling import Clock, Reading
from groupnet import bench, boundary, cli, running, timed_bundle
from groupnet.bench_table import describe_mean, describe_ratio, notes_on, told_apart
from groupnet.bundle import Bundle
from groupnet.profile import Ceiling
from groupnet.tuning_ceilings import Peak

HOST = DeviceInfo("host", "host", None, "box", "core", "x86_64", emulated=False, android=None, cores=1)
VERIFIED = {
    "binary_convs": 1,
    "integers": 32,
    "exact": True,
    "max_abs_err": 0.0,
    "max_abs_err_same_signs": 0.0,
    "sign_flips": 0,
    "signs": 16,
}


class SteadyModule:
    """Takes the times of a list, over and over."""

    def __init__(self, times: Sequence[float]) -> None:
        self.times = itertools.cycle(times)
        self.calls: list[int] = []

    def run(self, *_: Any) -> list[Any]:
        raise AssertionError("verification is not what is tested here")

    def time(self, function: str, inputs: Any, *, runs: int, warmup: int, threads: int) -> list[float]:
        assert function == "main" and len(inputs) == 1 and warmup == 0 and threads == 1
        self.calls.append(runs)
        return [next(self.times) for _ in range(runs)]

    def profile(self, function: str, inputs: Any, *, runs: int, threads: int) -> CallProfile:
        assert function == "main" and len(inputs) == 1 and threads == 1
        run = ProfiledRun((1.0,), (18.0,), 20.0)
        return CallProfile((Call("kernel", 64),), (run,) * runs, 0.5)

    def footprint(self, function: str, inputs: Any) -> Footprint:
        assert function == "main" and len(inputs) == 1 and not self.calls, "verification takes memory too"
        return Footprint(35.0, 1_000_000, 5_000_000)

    def ceilings(self, *, threads: int) -> CoreCeilings | None:
        raise AssertionError(f"nobody asked what {threads} threads multiply")

    def set_threads(self, threads: int) -> None:
        raise AssertionError(f"nobody asked for {threads} threads")


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[SteadyModule]]:
    """Makes a device whose bundles take the given times, in the order in which they are loaded."""

    def make(
        *times: Sequence[float], emulated: bool = False, readings: Sequence[Reading] = ()
    ) -> list[SteadyModule]:
        modules = [SteadyModule(each) for each in times]
        device = DeviceInfo(**{**vars(HOST), "emulated": emulated})

        @contextmanager
        def all_on_device(bundles: Sequence[Bundle], *_: Any) -> Iterator[list[running.Running]]:
            yield [
                running.Running(bundle, device, module, lambda: nullcontext(list(readings)))
                for bundle, module in zip(bundles, modules, strict=True)
            ]

        @contextmanager
        def on_device(bundle: Bundle, *_: Any) -> Iterator[running.Running]:
            with all_on_device([bundle]) as (one,):
                yield one

        monkeypatch.setattr(bench, "all_on_device", all_on_device)
        monkeypatch.setattr(bench, "on_device", on_device)
        monkeypatch.setattr(timed_bundle, "verify", lambda *_: VERIFIED)
        return modules

    return make


def bench_json(*arguments: str | Path) -> dict[str, Any]:
    done = CliRunner().invoke(cli.app, ["bench", *map(str, arguments), "--json"])
    assert done.exit_code == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_one_bundle(
    steady: Callable[..., list[SteadyModule]], tmp_path: Path, write_bundle: Callable[..., Path]
) -> None:
    (module,) = steady([20.0])
    result = bench_json(write_bundle(tmp_path / "b"))
    assert module.calls == [5, 5, 30]
    assert (result["warmup"], result["warmup_stable"], result["threads"]) == (10, True, 1)
    assert result["latency_ms"] == {
        "min": 20.0,
        "p50": 20.0,
        "p95": 20.0,
        "mean": 20.0,
        "mean_interval": {"low": 20.0, "high": 20.0, "level": 0.95},
        "samples": [20.0] * 30,
    }
    assert result["confidence"] is result["confidence_reached"] is result["note"] is None
    assert result["device"]["hardware"] is None and "compare" not in result


def test_emulated_times_are_few_and_said_to_be_none(
    steady: Callable[..., list[SteadyModule]], tmp_path: Path, write_bundle: Callable[..., Path]
) -> None:
    (module,) = steady([9.0, 5.0], emulated=True)
    result = bench_json(write_bundle(tmp_path / "b"))
    assert module.calls == [5, 5]
    assert notes_on(result) == ["emulated, not a latency"]


def test_a_throttled_run_is_marked(
    steady: Callable[..., list[SteadyModule]], tmp_path: Path, write_bundle: Callable[..., Path]
) -> None:
    steady([20.0])
    path = write_bundle(tmp_path / "b")
    assert bench_json(path)["throttling"] is None
    limits = (2_800_000, 1_400_000)
    steady([20.0], readings=[Reading({7: Clock(9, limit, 2_800_000)}, 40.0) for limit in limits])
    result = bench_json(path)
    reason = "core 7 was allowed 1.40 of 2.80 GHz during the run"
    assert result["throttling"] == {"throttled": True, "reasons": [reason], "readings": 2}
    # Measured again, and given up as the reason is the same.
    assert [attempt["reasons"] for attempt in result["attempts"]] == [[reason], [reason]]
    assert notes_on(result) == [f"throttled: {reason}", "2 attempts"]


def test_a_confidence(
    steady: Callable[..., list[SteadyModule]], tmp_path: Path, write_bundle: Callable[..., Path]
) -> None:
    steady([18.0, 22.0, 21.0, 19.0, 20.0])
    result = bench_json(write_bundle(tmp_path / "b"), "--confidence", "0.02")
    assert (result["confidence"], result["confidence_reached"]) == (0.02, True)
    interval = result["latency_ms"]["mean_interval"]
    assert interval["high"] - interval["low"] <= 0.02 * (interval["high"] + interval["low"])


def test_two_bundles_in_turns(
    steady: Callable[..., list[SteadyModule]], tmp_path: Path, write_bundle: Callable[..., Path]
) -> None:
    modules = steady([20.0], [16.0])
    paths = [write_bundle(tmp_path / name, name=name) for name in ("a", "b")]
    result = bench_json(paths[0], "--compare", paths[1])
    assert all(module.calls[-10:] == [3] * 10 for module in modules)
    assert (result["name"], result["compare"]["name"]) == ("a", "b")
    assert result["latency_ms"]["p50"] == 20.0 and result["compare"]["latency_ms"]["p50"] == 16.0
    assert len(result["compare"]["latency_ms"]["samples"]) == 30
    ratio = result["ratio"]
    assert ratio["value"] == pytest.approx(0.8) and ratio["low"] == pytest.approx(0.8)
    assert (ratio["rounds"], ratio["level"], ratio["shows_difference"]) == (10, 0.95, True)
    steady([20.0], [16.0])
    shown = CliRunner().invoke(cli.app, ["bench", str(paths[0]), "--compare", str(paths[1])]).stdout
    assert "b takes 0.800 times as long as a (0.800 to 0.800, 10 rounds)" in shown
    assert shown.count("all 1 binary convolutions exact") == 2


def test_bundles_of_one_model_are_told_apart_by_their_folders() -> None:
    folders = [Path("one.bundle"), Path("two.bundle")]
    assert told_apart(["a", "b"], folders) == ["a", "b"]
    assert told_apart(["a", "a"], folders) == ["one.bundle", "two.bundle"]


def test_a_profile(
    steady: Callable[..., list[SteadyModule]],
    tmp_path: Path,
    write_bundle: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peak = Peak(core="core", threads=1, binary_macs_s=1e12, float_macs_s=1e11)
    monkeypatch.setattr(bench, "find_ceiling", lambda *_: Ceiling(peak, "measured"))
    path, trace = write_bundle(tmp_path / "b"), tmp_path / "trace.json"
    steady([20.0])
    assert "profile" not in bench_json(path)
    steady([20.0])
    profile = bench_json(path, "--trace", trace)["profile"]
    assert (profile["runs"], profile["whole_ms"], profile["timed_ms"]) == (30, 20.0, 20.0)
    assert (profile["kernels_ms"], profile["kernels_share"], profile["machine_ms"]) == (18.0, 0.9, 2.0)
    assert (profile["load_ms"], profile["start_ms"], profile["energy"]) == (35.0, 0.5, None)
    assert profile["memory"] == {"peak_bytes": 5_000_000, "added_bytes": 4_000_000}
    assert len(json.loads(trace.read_text())["traceEvents"]) == 2 + 30 * 2
    steady([20.0])
    shown = CliRunner().invoke(cli.app, ["bench", str(path), "--profile"])
    assert "where the time goes" in shown.stdout and "ceiling: 1,000 GbMAC/s" in shown.stdout


def test_two_bundles_are_not_profiled_at_once(tmp_path: Path) -> None:
    command = ["bench", str(tmp_path), "--compare", str(tmp_path), "--profile"]
    refused = CliRunner().invoke(cli.app, command)
    assert refused.exit_code == boundary.EXIT_ERROR and "each by itself" in refused.stderr


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (0.9, 1.1, "(0.900 to 1.100, 10 rounds): no difference is shown"),
        (0.9, 0.95, "as long as a (0.900 to 0.950, 10 rounds)"),
        (None, None, "by one round alone"),
    ],
)
def test_a_ratio_in_words(low: float | None, high: float | None, words: str) -> None:
    line = describe_ratio({"value": 0.93, "low": low, "high": high, "rounds": 10}, "b", "a")
    assert line.startswith("b takes 0.930 times as long as a") and line.endswith(words)


def test_what_a_reader_has_to_know() -> None:
    result = {
        "note": None,
        "warmup": 40,
        "warmup_stable": False,
        "confidence": 0.01,
        "confidence_reached": False,
    }
    assert notes_on(result) == ["not stable after 40 runs of warm-up", "not sure to 1.00%"]
    assert describe_mean({"mean": 2.0, "mean_interval": {"low": None, "high": None}}) == "2.000"
    assert describe_mean({"mean": 2.0, "mean_interval": {"low": 1.5, "high": 2.5}}) == "2.000 (1.500-2.500)"


def test_an_executable_leaves_the_governor_alone(tmp_path: Path) -> None:
    command = ["bench", str(tmp_path), "--runtime", "aot", "--governor", "performance"]
    refused = CliRunner().invoke(cli.app, command)
    assert refused.exit_code == boundary.EXIT_ERROR and "--governor with --runtime rpc" in refused.stderr


@pytest.mark.parametrize("arguments", [("--confidence", "0"), ("--confidence", "2"), ("--runs", "0")])
def test_wrong_efforts_are_refused(arguments: tuple[str, ...]) -> None:
    assert CliRunner().invoke(cli.app, ["bench", "b", *arguments]).exit_code == boundary.EXIT_ERROR
