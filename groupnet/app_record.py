"""What the app keeps, shares and saves as JSON, and `bench --json` prints: read as rows of one report."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from groupnet.errors import ReportError
from groupnet.running import EMULATED

KIND = "groupnet-app-record"
SCHEMA = 1


@dataclass(frozen=True)
class Timed:
    """One model's times on one device.

    Attributes:
        device: what its maker calls it.
        chip: its system on a chip, or what it has for cores.
        model: the network.
        runtime: `app`, `aot` (the benchmark program from a shell) or `rpc`.
        threads: threads.
        cores: what was asked for; empty where the system decided.
        min_ms: the fastest run.
        p50_ms: the median.
        p95_ms: what 95 % of the runs did not exceed.
        runs: how many.
        notes: what a reader has to know.
        file: where it was read from.
    """

    device: str
    chip: str
    model: str
    runtime: str
    threads: int
    cores: str
    min_ms: float
    p50_ms: float
    p95_ms: float
    runs: int
    notes: tuple[str, ...]
    file: str


@dataclass(frozen=True)
class Scored:
    """One model's score on the app's few test pictures.

    Attributes:
        device: what its maker calls it.
        model: the network.
        images: how many pictures.
        score: in words.
    """

    device: str
    model: str
    images: int
    score: str


def read_results(path: Path) -> tuple[list[Timed], list[Scored]]:
    """Read a record of the app, or what `bench --json` printed.

    Raises:
        ReportError: it is neither, or something in it cannot be.
    """
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(told, dict):
            raise TypeError("no JSON object")
        if told.get("kind") == KIND:
            return _app_record(told, path.name)
        results = [told, told["compare"]] if told.get("compare") else [told]
        return [_bench_result(result, path.name) for result in results], []
    except (ValueError, KeyError, TypeError) as exc:
        raise ReportError(
            f"expected a record of the app or the output of `groupnet bench --json` in {path}; got "
            f"{type(exc).__name__}: {exc}; name another file"
        ) from exc


def _app_record(told: dict[str, Any], file: str) -> tuple[list[Timed], list[Scored]]:
    if told["schema"] != SCHEMA:
        raise ValueError(f"schema {told['schema']} instead of {SCHEMA}: install this version's app")
    device, chip = _text(told["phone"]["name"]), _text(told["phone"].get("soc", ""))
    notes = ("in the background for a while",) if told["background"] else ()
    timed = []
    for result in told["results"]:
        cores = result.get("cores") or {}
        timed.append(
            Timed(
                device,
                chip,
                _text(result["model"]),
                "app",
                int(result["threads"]),
                _text(cores.get("asked") or ""),
                *_times(result["latency_ms"]),
                notes=(*notes, *_throttled(result)),
                file=file,
            )
        )
    return timed, [_scored(device, one) for one in told["test_sets"]]


def _bench_result(told: dict[str, Any], file: str) -> Timed:
    device = told["device"]
    hardware = device.get("hardware") or {}
    return Timed(
        _text(device["model"]),
        _text(hardware.get("soc") or device["cpu"]),
        _text(told["name"]),
        _text(told.get("runtime", "rpc")),
        int(told["threads"]),
        _text(told.get("cores") or ""),
        *_times(told["latency_ms"]),
        notes=((EMULATED,) if device["emulated"] else ()) + _throttled(told),
        file=file,
    )


def _times(latency: dict[str, Any]) -> tuple[float, float, float, int]:
    low, middle, high = (float(latency[key]) for key in ("min", "p50", "p95"))
    if not (0 < low <= middle <= high < math.inf) or not latency["samples"]:
        raise ValueError(f"times that cannot be: {low}, {middle}, {high}")
    return low, middle, high, len(latency["samples"])


def _throttled(result: dict[str, Any]) -> tuple[str, ...]:
    throttling = result.get("throttling") or {}
    return (
        ("throttled: " + ", ".join(map(_text, throttling["reasons"])),) if throttling.get("throttled") else ()
    )


def _scored(device: str, told: dict[str, Any]) -> Scored:
    if told["task"] == "classification":
        score = f"{int(told['right'])} of {int(told['images'])} right"
    elif told["task"] == "detection":
        found = f"{int(told['found'])} of {int(told['objects'])} objects found"
        score = f"{found}, false boxes: {int(told['extra'])}"
    elif told["task"] == "segmentation":
        score = f"{float(told['mean_iou']):.1%} mean IoU"
    else:
        raise ValueError(f"task {told['task']}")
    return Scored(device, _text(told["model"]), int(told["images"]), score)


def _text(value: object) -> str:
    """Names come from phones: what is no text is refused, and control characters stay out of terminals."""
    if not isinstance(value, str):
        raise TypeError(f"expected a text, got {value!r}")
    return "".join(letter if letter.isprintable() else "?" for letter in value)
