"""`groupnet report`: records of the app and outputs of `bench --json`, side by side."""

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_verb import groupnet

from groupnet.app_record import read_results
from groupnet.errors import ReportError
from groupnet.report import report_page

LATENCY = {"min": 1.0, "p50": 1.5, "p95": 2.0, "mean": 1.5, "samples": [1.0, 1.5, 2.0]}


def record(**changes: Any) -> dict[str, Any]:
    """What the app keeps, cut down to what is read."""
    return {
        "kind": "groupnet-app-record",
        "schema": 1,
        "time": "2026-11-24T03:15:00Z",
        "phone": {"name": "Maker <One>", "soc": "Chip 1"},
        "background": False,
        "results": [
            {
                "model": "digits-k3",
                "threads": 2,
                "cores": {"asked": "big"},
                "latency_ms": LATENCY,
                "throttling": {"throttled": True, "reasons": ["core 4 was capped"]},
            }
        ],
        "test_sets": [
            {"model": "digits-k3", "task": "classification", "images": 12, "right": 11},
            {"model": "fcos", "task": "detection", "images": 4, "objects": 8, "found": 6, "extra": 1},
            {"model": "bpac", "task": "segmentation", "images": 4, "mean_iou": 0.285},
        ],
        "failures": [],
        **changes,
    }


def bench(**changes: Any) -> dict[str, Any]:
    """What `bench --json` prints, cut down likewise."""
    device = {"model": "Pixel", "cpu": "2x Cortex-X1", "hardware": {"soc": "Tensor"}, "emulated": True}
    latency = {**LATENCY, "p50": 1.25}
    return {
        "name": "digits-k3",
        "device": device,
        "threads": 1,
        "latency_ms": latency,
        "throttling": None,
        **changes,
    }


def written(folder: Path, name: str, content: object) -> Path:
    path = folder / name
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_the_fastest_phone_comes_first_and_notes_are_kept(tmp_path: Path) -> None:
    files = (written(tmp_path, "app.json", record(background=True)), written(tmp_path, "bench.json", bench()))
    told = groupnet("report", *files)
    first, second = told["times"]
    assert (first["device"], first["runtime"], first["p50_ms"], first["runs"]) == ("Pixel", "rpc", 1.25, 3)
    assert first["notes"] == ["emulated, not a latency"]
    assert (second["device"], second["runtime"], second["cores"], second["threads"]) == (
        "Maker <One>",
        "app",
        "big",
        2,
    )
    assert second["notes"] == ["in the background for a while", "throttled: core 4 was capped"]
    assert [one["score"] for one in told["scores"]] == [
        "28.5% mean IoU",
        "11 of 12 right",
        "6 of 8 objects found, false boxes: 1",
    ]


def test_a_comparison_is_two_rows(tmp_path: Path) -> None:
    both = bench(compare=bench(name="shapes-k5", runtime="aot"))
    told = groupnet("report", written(tmp_path, "bench.json", both))
    assert [(one["model"], one["runtime"]) for one in told["times"]] == [
        ("digits-k3", "rpc"),
        ("shapes-k5", "aot"),
    ]


def test_the_page_holds_no_markup_of_phones(tmp_path: Path) -> None:
    page = report_page(*read_results(written(tmp_path, "app.json", record())))
    assert "Maker &lt;One&gt;" in page and "<One>" not in page
    assert "src=" not in page and "<script" not in page
    groupnet("report", tmp_path / "app.json", "--out", tmp_path / "page.html")
    assert len((tmp_path / "page.html").read_text(encoding="utf-8")) == len(page)


@pytest.mark.parametrize(
    "content",
    [
        [],
        {"kind": "other"},
        record(schema=2),
        record(phone={"name": 3}),
        record(results=[{"model": "x", "threads": 1, "latency_ms": {**LATENCY, "p50": 0.5}}]),
        record(results=[{"model": "x", "threads": 1, "latency_ms": None}]),
        record(test_sets=[{"model": "x", "task": "speech", "images": 1}]),
    ],
)
def test_what_holds_no_results_is_refused(tmp_path: Path, content: object) -> None:
    told = groupnet("report", written(tmp_path, "bad.json", content), code=2)
    assert told["error"]["type"] == "ReportError" and "bad.json" in told["error"]["message"]


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"kind": "groupnet-app-rec', b"\xff\xfe", b"", b"\0" * 99]
)
def test_damaged_files_are_refused_and_no_page_is_written(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.json").write_bytes(content)
    page = tmp_path / "page.html"
    told = groupnet("report", tmp_path / "bad.json", "--out", page, code=2)
    assert told["error"]["type"] == "ReportError" and not page.exists()


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in nested data, the whole first."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


ODD = st.sampled_from([None, True, -1, 0, 1.5, 1e400, float("nan"), 2**70, "", "x", [], [None], {}, {"a": 1}])


@settings(max_examples=200, deadline=None)
@given(data=st.data(), value=ODD)
def test_whatever_stands_where_something_was_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, value: Any
) -> None:
    whole = copy.deepcopy(data.draw(st.sampled_from([record(), bench(compare=bench())])))
    *path, last = data.draw(st.sampled_from(places(whole)[1:]))
    inner = whole
    for key in path:
        inner = inner[key]
    inner[last] = value
    path_of = written(tmp_path_factory.mktemp("fuzz"), "odd.json", whole)
    try:
        timed, scored = read_results(path_of)
    except ReportError:
        return
    report_page(timed, scored)
    assert all(0 < one.min_ms <= one.p50_ms <= one.p95_ms < math.inf for one in timed)


def test_the_bars_say_which_times_are_no_latencies(tmp_path: Path) -> None:
    page = report_page(*read_results(written(tmp_path, "bench.json", bench())))
    bars, _ = page.split("<h2>Latency</h2>")
    assert "Pixel, rpc, emulated, not a latency" in bars


def test_cores_that_were_asked_for_are_told(tmp_path: Path) -> None:
    """As `bench` prints them: of the executable what it says, over RPC what was asked of the phone."""
    aot = bench(runtime="aot", cores={"asked": "big", "used": [6], "names": ["Cortex-A76"], "pinned": True})
    rpc = bench(run_control={"asked_cores": "4-7", "cores": [4, 5, 6, 7], "kinds": ["Cortex-A76"]})
    files = (written(tmp_path, f"{n}.json", one) for n, one in enumerate((aot, rpc, bench())))
    assert [one["cores"] for one in groupnet("report", *files)["times"]] == ["big", "4-7", ""]


def test_control_characters_of_names_stay_out_of_the_terminal(tmp_path: Path) -> None:
    told = groupnet("report", written(tmp_path, "a.json", record(phone={"name": "a\x1b[31mb"})))
    assert told["times"][0]["device"] == "a?[31mb"
