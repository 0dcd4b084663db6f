"""`native build` and `bench --runtime aot`: what they read, what they make of a result, what they refuse."""

import hashlib
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from run_verb import groupnet
from typer.testing import CliRunner

from groupnet import bench_native, cli
from groupnet.errors import ExportFormatError
from groupnet.native_models import read_export

EXPORT = {
    "name": "tiny",
    "symbol": "tiny",
    "task": "classification",
    "target": "host",
    "preparation": "numbers",
    "input_size": 4,
    "network": None,
    "tolerances": [0.001],
    "model_sha256": hashlib.sha256(b"code").hexdigest(),
    "calls": ["pack_f32u32", "pack_f32u32", "other"],
    "constant_bytes": 64,
    "inputs": [{"name": "x", "shape": [1, 4, 4, 1], "dtype": "float32", "size_bytes": 64}],
    "outputs": [{"name": "y", "shape": [1, 2], "dtype": "float32", "size_bytes": 8}],
}
RESULT = {
    "event": "result",
    "schema": 1,
    "check": {"ok": True, "max_abs_err": 1e-6, "outputs": [{"name": "y", "tolerance": 0.001}]},
    "threads": 1,
    "cores": {"asked": None, "used": [], "names": [], "pinned": False},
    "warmup": {"runs": 7, "stable": True},
    "latency_ms": {"samples": [2.0, 1.0, 3.0]},
    "create_ms": 0.1,
    "memory": {"peak_bytes": 1},
    "profile": [],
    "throttling": {"throttled": False, "reasons": [], "readings": 1},
    "build": {"target": "host", "libc": "glibc", "compiler": "GCC 12"},
}


def write_export(folder: Path, **changes: Any) -> Path:
    folder.mkdir()
    told = EXPORT | changes
    (folder / "export.json").write_text(json.dumps(told))
    (folder / "model.o").write_bytes(b"code")
    for part, key in (("input", "inputs"), ("output", "outputs")):
        (folder / f"{part}.bin").write_bytes(bytes(sum(one["size_bytes"] for one in told[key])))
    return folder


def error(*words: str | Path) -> dict[str, Any]:
    done = CliRunner().invoke(cli.app, [*map(str, words), "--json"])
    assert done.exit_code == 2
    told: dict[str, Any] = json.loads(done.stdout)["error"]
    return told


def test_an_export_is_read(tmp_path: Path) -> None:
    model = read_export(write_export(tmp_path / "e"), "host")
    assert (model.name, model.reading, model.detector) == ("tiny", "classes", None)
    assert model.labels == ("pack_f32u32", "pack_f32u32", "other") and model.tolerances == (0.001,)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"target": "arm64"}, "expected an export for host"),
        ({"tolerances": "x"}, "'tolerances'"),
        ({"tolerances": [float("nan")]}, "tolerances.0"),
        ({"tolerances": []}, "0 tolerances for 1 outputs"),
        ({"symbol": "x; int y"}, "'symbol'"),
        ({"model_sha256": "0" * 64}, "another SHA-256 of model.o"),
        ({"inputs": EXPORT["inputs"] * 2}, "expected one input"),  # type: ignore[operator]
        ({"outputs": [{**EXPORT["outputs"][0], "dtype": "int32"}]}, "int32"),  # type: ignore[index]
        ({"task": "detection", "network": {"task": "detection"}}, "of this version"),
    ],
)
def test_other_exports_are_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ExportFormatError, match=message):
        read_export(write_export(tmp_path / "e", **changes), "host")


@pytest.mark.parametrize("name", ["model.o", "input.bin", "output.bin"])
@pytest.mark.parametrize("cut", [True, False])
def test_a_damaged_export_is_refused(tmp_path: Path, name: str, cut: bool) -> None:
    path = write_export(tmp_path / "e") / name
    if cut:
        path.write_bytes(path.read_bytes()[:-1])
    else:
        path.unlink()
    told = error("native", "build", path.parent, "--out", tmp_path / "out")
    assert told["type"] == "ExportFormatError" and name in told["message"]
    assert not (tmp_path / "out").exists()


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=5), some, max_size=3),
    max_leaves=5,
)


@settings(max_examples=50, deadline=None)
@given(field=st.sampled_from(sorted(EXPORT)), value=ANYTHING)
def test_whatever_the_description_says_the_answer_is_a_model_or_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, field: str, value: object
) -> None:
    folder = write_export(tmp_path_factory.mktemp("fuzz") / "e")
    (folder / "export.json").write_text(json.dumps(EXPORT | {field: value}))
    try:
        model = read_export(folder, "host")
    except ExportFormatError:
        return
    assert len(model.tolerances) == 1 and all(0 <= value < math.inf for value in model.tolerances)


@settings(max_examples=50, deadline=None)
@given(content=st.binary(max_size=40) | st.just(b"[" * 100_000))
def test_whatever_bytes_the_description_has_the_answer_is_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = write_export(tmp_path_factory.mktemp("fuzz") / "e")
    (folder / "export.json").write_bytes(content)
    with pytest.raises(ExportFormatError, match="of this version"):
        read_export(folder, "host")


def test_a_result_of_the_executable_is_one_of_bench(
    tmp_path: Path, write_bundle: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ncat <<'X'\n{json.dumps(RESULT)}\nX\n")
    program.chmod(0o755)
    monkeypatch.setattr(bench_native, "native_executable", lambda *_: program)
    bundle = write_bundle(tmp_path / "b")
    told = groupnet("bench", bundle, "--runtime", "aot", "--runs", "3")
    assert told["runtime"] == "aot" and told["verified"] is None and told["checked"] == RESULT["check"]
    latency = told["latency_ms"]
    assert (latency["min"], latency["p50"], latency["samples"]) == (1.0, 2.0, [2.0, 1.0, 3.0])
    assert latency["mean_interval"]["level"] == 0.95 and told["warmup"] == 7
    assert told["throttling"] is None and told["note"] is None
    shown = CliRunner().invoke(cli.app, ["bench", str(bundle), "--runtime", "aot"])
    assert "outputs within 1e-06 of PyTorch's (allowed: 0.001)" in shown.stdout


def test_a_network_of_the_zoo_is_timed_as_an_executable_and_reported(
    tmp_path: Path, zoo_bundle: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("android_runner.runtime_cache.default_cache_dir", lambda: tmp_path / "cache")
    words = ("bench", zoo_bundle("digits-k3"), "--runtime", "aot", "--device", "host", "--runs", "3")
    told = groupnet(*words, "--cores", str(max(os.sched_getaffinity(0))))
    assert told["runtime"] == "aot" and told["checked"]["ok"] and len(told["latency_ms"]["samples"]) == 3
    assert sum(call["share"] for call in told["calls"]) == pytest.approx(1)
    (tmp_path / "bench.json").write_text(json.dumps(told))
    (row,) = groupnet("report", tmp_path / "bench.json")["times"]
    assert (row["model"], row["runtime"], row["runs"]) == ("digits-k3", "aot", 3)
    assert row["cores"] == told["cores"]["asked"] and told["cores"]["pinned"]


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("--db", "records"), "--db with --runtime aot"),
        (("--runtime", "aot", "--confidence", "0.1"), "--confidence with --runtime rpc"),
        (("--runtime", "aot", "--profile"), "--profile with --runtime rpc"),
    ],
)
def test_options_of_the_other_runtime_are_refused(words: tuple[str, ...], option: str) -> None:
    told = error("bench", "nothing", *words)
    assert told["type"] == "OptionsError" and option in told["message"]
