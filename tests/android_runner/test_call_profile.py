"""Each call of a function is timed by the server's instrument, here on this machine."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from android_runner import host_instrument
from android_runner.call_profile import (
    Call,
    CallProfile,
    CoreCeilings,
    Footprint,
    ProfiledRun,
    parse_ceilings,
    parse_footprint,
    parse_profile,
)
from android_runner.errors import InputMismatchError, RuntimeBuildError, ServerError
from android_runner.host_device import HostDevice

ROWS = np.ones((32, 16), np.float32)
CALLS = [{"name": "vm.builtin.reset", "bytes": 0}, {"name": "kernel", "bytes": 64}]


def said(**changes: Any) -> str:
    return json.dumps({"start_ns": 2_500_000, "calls": CALLS, "runs": [[1000, 500, 0, 3000, 250]]} | changes)


def test_gaps_and_calls_become_starts_and_times() -> None:
    run = ProfiledRun(starts_ms=(1e-3, 1.5e-3), calls_ms=(0.5e-3, 3e-3), whole_ms=4.75e-3)
    calls = (Call("vm.builtin.reset", 0), Call("kernel", 64))
    assert parse_profile(said()) == CallProfile(calls, (run,), start_ms=2.5)
    nothing = ProfiledRun((), (), 9e-6)
    assert parse_profile(said(calls=[], runs=[[9]])) == CallProfile((), (nothing,), 2.5)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        said(calls=None),
        said(runs=[[1, 2]]),
        said(runs=[[1, -2, 3]]),
        said(runs=[[1, "2x", 3]]),
        said(runs=[[1, 2, 3]]),
        said(runs=[]),
    ],
)
def test_something_else_is_refused(text: str) -> None:
    with pytest.raises(ServerError, match="profile"):
        parse_profile(text)


def test_what_the_kernel_does_not_tell_of_memory_is_left_out() -> None:
    told = '{"load_ns": 1500000, "before_bytes": 0, "peak_bytes": 4096}'
    assert parse_footprint(told) == Footprint(1.5, None, 4096)
    with pytest.raises(ServerError, match="doctor"):
        parse_footprint("{}")


def test_rates_of_loops() -> None:
    told = '{"binary_macs_s":1e12,"binary_by":"udot","float_macs_s":25000000000.5}'
    assert parse_ceilings(told) == CoreCeilings(1e12, 25000000000.5, "udot")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"binary_macs_s":"x"}'])
def test_rates_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ServerError, match="doctor"):
        parse_ceilings(text)
    for rate in ("0", "-1", "NaN", "Infinity"):
        with pytest.raises(ServerError, match="above 0"):
            parse_ceilings(f'{{"binary_macs_s":{rate},"binary_by":"udot","float_macs_s":1}}')


def test_every_call_is_timed_within_its_run(host_module: Path) -> None:
    with HostDevice().session() as session:
        module = session.load(host_module)
        footprint = module.footprint("row_sums", [ROWS])
        profile = module.profile("row_sums", [ROWS], runs=3, threads=1)
        (before,) = module.run("row_sums", [ROWS])
        assert module.ceilings(threads=1) is None  # the server's loops are for arm64
    assert footprint.load_ms > 0
    assert footprint.peak_bytes and footprint.before_bytes
    assert footprint.peak_bytes >= footprint.before_bytes
    (kernel,) = (call for call in profile.calls if not call.name.startswith("vm.builtin."))
    assert kernel.tensor_bytes == 4 * (32 * 16 + 32)
    assert len(profile.runs) == 3 and profile.start_ms > 0
    for run in profile.runs:
        assert len(run.calls_ms) == len(run.starts_ms) == len(profile.calls)
        ends = [start + took for start, took in zip(run.starts_ms, run.calls_ms, strict=True)]
        assert all(end <= start for end, start in zip(ends, run.starts_ms[1:], strict=False))
        assert 0 <= run.starts_ms[0] and ends[-1] <= run.whole_ms
    np.testing.assert_array_equal(before, ROWS.sum(axis=1))  # the module goes on without the instrument


def test_misuse_is_explained(host_module: Path) -> None:
    with HostDevice().session() as session:
        module = session.load(host_module)
        with pytest.raises(InputMismatchError, match="Expected 2 inputs"):
            module.profile("difference", [ROWS], runs=1, threads=1)
        with pytest.raises(ServerError, match="1 to 10000 runs"):
            module.profile("row_sums", [ROWS], runs=10001, threads=1)


def test_a_missing_or_failing_compiler_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = host_instrument.host_profiler.__wrapped__
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(host_instrument, "_FLAGS", ("--no-such-option",))
    with pytest.raises(RuntimeBuildError, match="check g"):
        build()
    assert not list((tmp_path / "groupnet").glob("host-instrument-*/"))
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(RuntimeBuildError, match="apt-get install"):
        build()
