"""`groupnet_bench`, built with the sanitizers around hand-made models: what it prints and what it refuses."""

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from native_models import LIMIT_S, Made, floats, write_tree

from android_runner.native_build import build_native, find_compiler
from android_runner.native_tables import Detector
from models.detection.config import DetectionConfig
from models.detection.decode import decode
from models.detection.levels import pyramid_levels
from models.registry import config_of

SANITIZED = ("-g", "-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
SANITIZED += ("-Wshadow", "-Wconversion")
LABELS = ('a "quoted" \\ name', "Größe\n", "two\tthree")
CLASSES = Made("classes", ((1, 4),), floats([0, 3, 1, 2]), labels=LABELS)
MASK = Made("mask", ((1, 2, 3, 2),), floats([1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 1, 0]), "segmentation", "pixels")
WRONG = Made("wrong", ((1, 2),), floats([0, 1]), expected=floats([0, 1.5]))
NANS = Made("nans", ((1, 2),), floats([0, np.nan]))
# Needs AVX-512, as no processor that also needs arm64's instructions has them.
ELSEWHERE = Made("elsewhere", ((1, 2),), floats([0, 1]), task="unknown", reading="nothing", features=7)
DETECTOR = config_of("groupnet_shapes_fcos")
PLACES, KINDS = 336, 10


def boxes() -> Made:
    """The outputs of the zoo's detector for no image at all, with some hundred boxes that overlap."""
    rng = np.random.default_rng(0)
    assert isinstance(DETECTOR, DetectionConfig)
    levels = pyramid_levels(DETECTOR, (128, 128))
    ends = np.cumsum([level.height * level.width for level in levels])
    detector = Detector(
        size=(128, 128),
        centres=np.concatenate([level.centres() for level in levels]),
        ends=tuple(map(int, ends)),
        max_iou=0.6,
    )
    values = [rng.normal(-2, 3, PLACES * KINDS), rng.uniform(0, 80, PLACES * 4), rng.normal(0, 2, PLACES)]
    stored = np.concatenate(values).astype(np.float32)
    shapes = ((1, PLACES, KINDS), (1, PLACES, 4), (1, PLACES))
    return Made("boxes", shapes, stored, "detection", "fcos", detector=detector)


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("native")
    made = (CLASSES, MASK, WRONG, NANS, ELSEWHERE, boxes())
    models = [one.export(folder / one.name) for one in made]
    out = folder / "groupnet_bench"
    build_native(models, out, target="host", compiler=find_compiler("x86_64"), flags=SANITIZED)
    return out


def run(program: Path, *words: object, code: int = 0) -> list[dict[str, Any]]:
    """The objects that it prints; an error is one sentence on stderr too."""
    command = [program, *map(str, words)]
    done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)
    assert done.returncode == code, (done.stdout, done.stderr)
    lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert (done.stderr != b"") == (code == 2)
    if code == 2:
        assert lines[-1]["event"] == "error"
        assert done.stderr.decode() == f"error: {lines[-1]['error']['message']}\n"
    return lines


def error(program: Path, *words: object) -> tuple[str, str]:
    told = run(program, *words, code=2)[-1]["error"]
    return told["type"], told["message"]


def image(path: Path, values: Any) -> Path:
    path.write_bytes(floats(values).tobytes())
    return path


def test_the_list_holds_models_and_device(program: Path) -> None:
    (told,) = run(program, "--list")
    assert (told["event"], told["schema"]) == ("list", 1)
    assert told["build"]["target"] == "host" and told["build"]["compiler"].startswith("GCC")
    models = {model["name"]: model for model in told["models"]}
    assert list(models) == ["classes", "mask", "wrong", "nans", "elsewhere", "boxes"]
    first = models["classes"]
    assert first["labels"] == list(LABELS) and first["runs_here"] and first["refused"] is None
    assert first["inputs"] == [{"name": "t0", "type": "float32", "shape": [4], "bytes": 16}]
    assert first["outputs"] == [{"name": "t1", "type": "float32", "shape": [1, 4], "bytes": 16}]
    assert first["kernel_calls"] == 2 and first["weights_bytes"] == 64 and first["memory_bytes"] > 1024
    assert not models["elsewhere"]["runs_here"] and "lacks instructions" in models["elsewhere"]["refused"]
    (device,) = run(program, "--device")
    assert device["event"] == "device" and device["device"]["machine"] == "x86_64"
    assert device["device"]["cores"] and told["device"].keys() == device["device"].keys()


def test_a_run_is_told_as_it_goes(program: Path) -> None:
    lines = run(program, "--model", "classes", "--runs", 40, "--warmup", 10, "--profile", "--progress")
    events = [line["event"] for line in lines]
    assert events[:3] == ["start", "check", "reading"] and events[-1] == "result"
    runs = [line for line in lines if line["event"] == "run"]
    assert [runs[-1][key] for key in ("index", "of")] == [39, 40]
    result = lines[-1]
    assert (result["runs"], result["stopped"], result["warmup"]["runs"]) == (40, False, 10)
    latency = result["latency_ms"]
    samples = sorted(latency["samples"])
    assert len(samples) == 40 and runs[-1]["ms"] == latency["samples"][-1]
    assert (latency["min"], latency["p50"], latency["p95"]) == (samples[0], samples[19], samples[37])
    assert latency["mean"] == pytest.approx(np.mean(samples), rel=1e-6)
    assert [call["kernel"] for call in result["profile"]] == ["first_kernel", "fails_on_42"]
    assert sum(call["share"] for call in result["profile"]) == pytest.approx(1)
    assert result["check"]["max_abs_err"] == 0 and result["throttling"]["readings"] >= 1
    (quiet,) = run(program, "--model", "classes", "--runs", 1, "--warmup", 0)
    assert quiet["profile"] is None and quiet["warmup"] == {"runs": 0, "stable": False}


def test_warm_up_ends_by_itself(program: Path) -> None:
    (told,) = run(program, "--model", "mask", "--runs", 3, "--threads", 2)
    assert told["warmup"]["runs"] >= 5 and told["threads"] == 2


def test_threads_stay_on_their_cores(program: Path) -> None:
    core = max(os.sched_getaffinity(0))
    (told,) = run(program, "--model", "classes", "--cores", core, "--runs", 2, "--warmup", 0)
    assert told["cores"]["used"] == [core] and told["cores"]["pinned"]
    assert len(told["cores"]["names"]) == 1


def test_classes_by_falling_score(program: Path, tmp_path: Path) -> None:
    file = image(tmp_path / "x.bin", [1, 0, 3, 2])
    outputs = tmp_path / "out"
    (told,) = run(program, "--model", "classes", "--image", file, "--outputs", outputs)
    (one,) = told["images"]
    classes = one["prediction"]["classes"]
    assert [(each["index"], each["label"]) for each in classes] == [
        (2, LABELS[2]),
        (3, None),
        (0, LABELS[0]),
        (1, LABELS[1]),
    ]
    softmax = np.exp([3, 2, 1, 0]) / np.exp([3, 2, 1, 0]).sum()
    assert [each["score"] for each in classes] == pytest.approx(softmax, rel=1e-6)
    assert outputs.read_bytes() == file.read_bytes() and one["file"] == "x.bin"


def test_masks_in_run_lengths(program: Path, tmp_path: Path) -> None:
    images = {"b": [0, 1] * 6, "a": [0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1]}
    for name, values in images.items():
        image(tmp_path / f"{name}.bin", values)
    (tmp_path / "notes.txt").write_text("not an input")
    *lines, told = run(program, "--model", "mask", "--batch", tmp_path, "--progress")
    expected = [
        {"height": 2, "width": 3, "runs": [1, 1, 0, 3, 1, 2]},
        {"height": 2, "width": 3, "runs": [1, 6]},
    ]
    assert [one["file"] for one in told["images"]] == ["a.bin", "b.bin"]
    assert [one["prediction"] for one in told["images"]] == expected
    assert [line["prediction"] for line in lines if line["event"] == "image"] == expected


def test_boxes_are_those_of_the_host(program: Path, tmp_path: Path) -> None:
    made = boxes()
    (tmp_path / "x.bin").write_bytes(made.stored.tobytes())
    (told,) = run(program, "--model", "boxes", "--image", tmp_path / "x.bin")
    found = told["images"][0]["prediction"]["boxes"]
    parts = np.split(made.stored, np.cumsum([PLACES * KINDS, PLACES * 4]))
    outputs = [part.reshape(shape) for part, shape in zip(parts, made.shapes, strict=True)]
    assert isinstance(DETECTOR, DetectionConfig)
    (expected,) = decode(DETECTOR, outputs)
    assert [box["index"] for box in found] == expected.classes.tolist() and len(found) == 100
    assert np.allclose([box["score"] for box in found], expected.scores, rtol=1e-5)
    assert np.allclose([box["box"] for box in found], expected.boxes, atol=1e-4)


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        ((), "UsageError", "--model"),
        (("--mode", "x"), "UsageError", "'--mode'"),
        (("--model",), "UsageError", "a value after --model"),
        (("--model", "x"), "UsageError", "classes, mask"),
        (("--model", "classes", "--runs", "0"), "UsageError", "from 1 to 100000; got '0'"),
        (("--model", "classes", "--runs", "9" * 30), "UsageError", "--runs"),
        (("--model", "classes", "--threads", "65"), "UsageError", "--threads"),
        (("--model", "classes", "--outputs", "x"), "UsageError", "--image"),
        (("--model", "classes", "--image", "x", "--runs", "3"), "UsageError", "leave one out"),
        (("--list", "--device"), "UsageError", "--device too"),
        (("--list", "--model", "classes"), "UsageError", "without other options"),
        (("--model", "classes", "--cores", "1000"), "CoresError", "'1000'"),
        (("--model", "classes", "--cores", "big;ls"), "CoresError", "'big;ls'"),
        (("--model", "classes", "--cores", "0", "--threads", "2"), "CoresError", "ask for fewer"),
        (("--model", "elsewhere"), "ModelError", "lacks instructions"),
        (("--model", "wrong"), "CheckError", "a difference of 0.5"),
        (("--model", "nans"), "CheckError", "a difference of inf"),
        (("--model", "classes", "--image", "/nowhere"), "InputError", "/nowhere"),
        (("--model", "classes", "--image", "/dev/zero"), "InputError", "/dev/zero"),
        (("--model", "classes", "--batch", "/nowhere"), "InputError", "/nowhere"),
    ],
)
def test_errors_are_one_sentence(program: Path, words: tuple[str, ...], kind: str, message: str) -> None:
    told, sentence = error(program, *words)
    assert told == kind and message in sentence and sentence.startswith("expected")


def test_files_of_another_size_are_refused(program: Path, tmp_path: Path) -> None:
    image(tmp_path / "a.bin", [1, 2, 3, 4])
    image(tmp_path / "b.bin", [1, 2, 3])
    assert error(program, "--model", "classes", "--batch", tmp_path)[0] == "InputError"
    (tmp_path / "b.bin").unlink()
    target = tmp_path / "missing" / "out"
    kind, message = error(program, "--model", "classes", "--image", tmp_path / "a.bin", "--outputs", target)
    assert kind == "InputError" and "could not" in message
    (tmp_path / "a.bin").unlink()
    assert "found none" in error(program, "--model", "classes", "--batch", tmp_path)[1]


def test_a_failing_kernel_is_an_error(program: Path, tmp_path: Path) -> None:
    file = image(tmp_path / "x.bin", [42, 0, 0, 0])
    assert error(program, "--model", "classes", "--image", file)[0] == "ModelError"


def test_a_full_disk_is_an_error(program: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [program, "--list"], stdout=full, stderr=subprocess.PIPE, timeout=LIMIT_S, check=False
        )
    assert done.returncode == 2 and b"stdout takes no more" in done.stderr


def test_it_stops_where_it_is_told_to(program: Path) -> None:
    command = [program, "--model", "classes", "--runs", "100000", "--warmup", "0", "--progress"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        seen = b""
        while b'"run"' not in seen:
            seen += running.stdout.read1(4096)
        running.send_signal(signal.SIGTERM)
        seen += running.stdout.read()
        assert running.wait(LIMIT_S) == 130
    last = json.loads(seen.splitlines()[-1])
    assert last["event"] == "result" and last["stopped"]
    assert 1 <= last["runs"] == len(last["latency_ms"]["samples"]) < 100000


@settings(max_examples=25, deadline=None)
@given(data=st.binary(min_size=16, max_size=16))
def test_any_bytes_are_an_input(program: Path, tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.mktemp("fuzz") / "x.bin"
    file.write_bytes(data)
    command = [program, "--model", "classes", "--image", file]
    done = subprocess.run(command, capture_output=True, timeout=LIMIT_S, check=False)
    assert done.returncode == (2 if np.frombuffer(data, np.float32)[0] == 42 else 0), done.stderr
    json.loads(done.stdout)


@settings(max_examples=25, deadline=None)
@given(
    cpuinfo=st.lists(
        st.tuples(
            st.sampled_from(["processor", "CPU part", "CPU implementer", "model name", "", "x"]),
            st.binary(max_size=80),
        ),
        max_size=30,
    ),
    clock=st.binary(max_size=40),
)
def test_whatever_the_kernel_says_the_answer_is_json(
    program: Path, tmp_path_factory: pytest.TempPathFactory, cpuinfo: list[tuple[str, bytes]], clock: bytes
) -> None:
    root = tmp_path_factory.mktemp("root")
    lines = [name.encode() + b"\t: " + value if name else b"" for name, value in cpuinfo]
    write_tree(root, {"proc/cpuinfo": b"\n".join(lines)})
    for name in ("cpufreq/scaling_governor", "cpufreq/cpuinfo_max_freq", "cpu_capacity"):
        write_tree(root, {f"sys/devices/system/cpu/cpu0/{name}": clock})
    write_tree(root, {f"sys/class/thermal/thermal_zone0/{name}": clock for name in ("type", "temp")})
    done = subprocess.run(
        [program, "--device", "--root", root], capture_output=True, timeout=LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode())["event"] == "device"


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_valgrind_finds_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "valgrind"
    out = folder / "groupnet_bench"
    model = CLASSES.export(folder / "model")
    build_native([model], out, target="host", compiler=find_compiler("x86_64"), flags=("-g", "-O1"))
    command = ["valgrind", "--quiet", "--error-exitcode=9", "--leak-check=full", out, "--model", "classes"]
    file = image(tmp_path / "x.bin", [1, 2, 3, 4])
    for words in (["--runs", "2", "--warmup", "1", "--threads", "2", "--profile"], ["--image", file]):
        done = subprocess.run([*command, *words], capture_output=True, timeout=LIMIT_S, check=False)
        assert done.returncode == 0, done.stderr
