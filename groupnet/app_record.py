"""What the app keeps, shares and saves as JSON, and `bench --json` prints: read as rows of one report."""

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from groupnet.app_record_format import (
    AppRecord,
    BenchResult,
    Classified,
    Cores,
    Detected,
    Latency,
    Segmented,
    Throttling,
)
from groupnet.errors import ReportError
from groupnet.running import EMULATED


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
        told = json.loads(path.read_bytes())
        if not isinstance(told, dict):
            raise ValueError("no JSON object")
        if "kind" in told:
            return _app_record(AppRecord.model_validate_json(path.read_bytes()), path.name)
        result = BenchResult.model_validate_json(path.read_bytes())
        return [_bench_result(one, path.name) for one in (result, result.compare) if one is not None], []
    except (ValueError, RecursionError) as exc:
        raise ReportError(
            f"expected a record of the app or the output of `groupnet bench --json` in {path}; got "
            f"{_first_fault(exc)}; name another file"
        ) from exc


def _first_fault(exc: Exception) -> str:
    """In a few words; of data that is refused, where the first fault is."""
    if isinstance(exc, ValidationError):
        fault = exc.errors()[0]
        return f"in '{'.'.join(map(str, fault['loc']))}': {fault['msg']}"
    return str(exc)


def _app_record(record: AppRecord, file: str) -> tuple[list[Timed], list[Scored]]:
    device, chip = _text(record.phone.name), _text(record.phone.soc)
    notes = ("in the background for a while",) if record.background else ()
    timed = [
        Timed(
            device,
            chip,
            _text(result.model),
            "app",
            result.threads,
            _asked(result.cores),
            *_times(result.latency_ms),
            notes=(*notes, *_throttled(result.throttling)),
            file=file,
        )
        for result in record.results
    ]
    return timed, [_scored(device, one) for one in record.test_sets]


def _bench_result(result: BenchResult, file: str) -> Timed:
    device = result.device
    control = result.run_control
    asked = _text(control.asked_cores or "") if control else _asked(result.cores)
    return Timed(
        _text(device.model),
        _text((device.hardware and device.hardware.soc) or device.cpu),
        _text(result.name),
        result.runtime,
        result.threads,
        asked,
        *_times(result.latency_ms),
        notes=((EMULATED,) if device.emulated else ()) + _throttled(result.throttling),
        file=file,
    )


def _asked(cores: Cores | None) -> str:
    return _text((cores and cores.asked) or "")


def _times(latency: Latency) -> tuple[float, float, float, int]:
    return latency.min, latency.p50, latency.p95, len(latency.samples)


def _throttled(throttling: Throttling | None) -> tuple[str, ...]:
    if throttling is None or not throttling.throttled:
        return ()
    return ("throttled: " + ", ".join(map(_text, throttling.reasons)),)


def _scored(device: str, told: Classified | Detected | Segmented) -> Scored:
    if isinstance(told, Classified):
        score = f"{told.right} of {told.images} right"
    elif isinstance(told, Detected):
        score = f"{told.found} of {told.objects} objects found, false boxes: {told.extra}"
    else:
        score = f"{told.mean_iou:.1%} mean IoU"
    return Scored(device, _text(told.model), told.images, score)


def _text(value: str) -> str:
    """Names come from phones: control characters stay out of terminals."""
    return "".join(letter if letter.isprintable() else "?" for letter in value)
