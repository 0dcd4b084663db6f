"""Trace events have the keys that the format requires, and lie where their calls lay."""

import json
from pathlib import Path

import pytest

from android_runner.call_profile import Call, CallProfile, ProfiledRun
from groupnet.trace_events import trace_events, write_trace

CALLS = (
    Call("vm.builtin.reset", 0),
    Call("pack_f32b1_nhwc_n1h8w8c64b1x1pad1_t1__neon", 640),
    Call("dense_f32f32f32_nc_n1c64o10bias1relu0_t1v1__neon", 2600),
)
RUNS = (
    ProfiledRun((0.0, 0.1, 0.4), (0.05, 0.25, 0.5), 1.0),
    ProfiledRun((0.0, 0.1, 0.5), (0.05, 0.35, 0.5), 1.1),
)
# "Trace Event Format": what every event has, and what those of each phase have besides.
EVERY = {"name": str, "ph": str, "ts": (int, float), "pid": int, "tid": int}
COMPLETE = {"dur": (int, float), "cat": str}


def test_a_trace_has_what_the_format_requires(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "trace.json"
    device = {"name": "host", "cpu": "core"}
    result = {"name": "digits", "device": device, "note": "emulated"}
    write_trace(CallProfile(CALLS, RUNS, 0.1), result, path)
    trace = json.loads(path.read_text(encoding="utf-8"))
    assert trace["displayTimeUnit"] in ("ms", "ns")
    assert trace["otherData"] == {"model": "digits", "device": "host (core)", "note": "emulated"}
    for event in trace["traceEvents"]:
        assert all(isinstance(event[key], kind) for key, kind in EVERY.items()), event
        assert event["ph"] in ("M", "X")
        if event["ph"] == "X":
            assert all(isinstance(event[key], kind) for key, kind in COMPLETE.items()), event
            assert event["ts"] >= 0 and event["dur"] >= 0
        else:
            assert event["name"] in ("process_name", "thread_name") and event["args"]["name"]


def test_calls_lie_within_their_run_and_runs_do_not_overlap() -> None:
    events = trace_events(CallProfile(CALLS, RUNS, 0.1), "digits", "host", None)["traceEvents"]
    spans = [event for event in events if event["ph"] == "X"]
    first, second = (event for event in spans if event["cat"] == "run")
    assert second["ts"] > first["ts"] + first["dur"] == 1000.0
    calls = [event for event in spans if event["cat"] != "run"]
    assert [event["name"] for event in calls[:3]] == ["vm.builtin.reset", "pack, 8x8x64", "dense, 64 to 10"]
    assert [event["cat"] for event in calls[:3]] == ["virtual machine", "glue", "float"]
    assert (calls[2]["ts"], calls[2]["dur"]) == pytest.approx((400.0, 500.0))
    assert calls[2]["args"] == {"kernel": CALLS[2].name, "bytes": 2600, "FLOP": 1280}
    for run, inside in ((first, calls[:3]), (second, calls[3:])):
        end = pytest.approx(run["ts"] + run["dur"])
        last = inside[-1]["ts"] + inside[-1]["dur"]
        assert inside[0]["ts"] >= run["ts"] and (last <= run["ts"] + run["dur"] or last == end)
