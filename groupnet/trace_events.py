"""A profile as trace events, the JSON that ui.perfetto.dev and Chrome's about:tracing open.

The format is Google's "Trace Event Format": a list of events, times in microseconds. A run is a complete
event (`ph` X) that holds those of its calls; metadata events (M) name the process and the thread.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from groupnet.kernel_labels import kernel_labels
from groupnet.kernel_profile import is_machine_call, key_of, kind_and_macs

if TYPE_CHECKING:
    from android_runner.call_profile import Call, CallProfile

_US_PER_MS = 1e3
_PROCESS = _THREAD = 1
_BETWEEN_RUNS_US = 10.0


def trace_events(profile: CallProfile, model: str, device: str, note: str | None) -> dict[str, Any]:
    """Return every run of a profile, one behind the other, as one JSON object.

    Args:
        profile: What the device timed.
        model: Names the process.
        device: Names the thread.
        note: What a reader of the times has to know; None: nothing.
    """
    where = {"pid": _PROCESS, "tid": _THREAD}
    events: list[dict[str, Any]] = [
        {"name": "process_name", "ph": "M", "ts": 0, **where, "args": {"name": model}},
        {"name": "thread_name", "ph": "M", "ts": 0, **where, "args": {"name": device}},
    ]
    described = _described(profile.calls)
    at_us = 0.0
    for number, run in enumerate(profile.runs, start=1):
        whole_us = run.whole_ms * _US_PER_MS
        events.append(
            {"name": f"run {number}", "cat": "run", "ph": "X", "ts": at_us, "dur": whole_us, **where}
        )
        for call, start_ms, call_ms in zip(described, run.starts_ms, run.calls_ms, strict=True):
            times = {"ts": at_us + start_ms * _US_PER_MS, "dur": call_ms * _US_PER_MS}
            events.append({**call, "ph": "X", **times, **where})
        at_us += whole_us + _BETWEEN_RUNS_US
    about = {"model": model, "device": device} | ({"note": note} if note else {})
    return {"traceEvents": events, "displayTimeUnit": "ms", "otherData": about}


def write_trace(profile: CallProfile, result: dict[str, Any], path: Path) -> None:
    """Write the trace of a profile beside its result of `run_bench`; raises OSError where that cannot be."""
    device = f"{result['device']['name']} ({result['device']['cpu']})"
    path.parent.mkdir(parents=True, exist_ok=True)
    trace = trace_events(profile, result["name"], device, result["note"])
    path.write_text(json.dumps(trace), encoding="utf-8")


def _described(calls: tuple[Call, ...]) -> list[dict[str, Any]]:
    """Return what all runs share of their calls' events."""
    labels = kernel_labels(dict.fromkeys(key_of(call.name) for call in calls))
    described = []
    for call in calls:
        key = key_of(call.name)
        kind, macs = kind_and_macs(key)
        told = {"binary": {"bMAC": macs}, "float": {"FLOP": 2 * macs}, "glue": {}}[kind]
        described.append(
            {
                "name": labels[key],
                "cat": "virtual machine" if is_machine_call(call.name) else kind,
                "args": {"kernel": call.name, "bytes": call.tensor_bytes, **told},
            }
        )
    return described
