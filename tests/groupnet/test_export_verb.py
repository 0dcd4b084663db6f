"""`export`: every trained network as C computes what its bundle does; senseless orders are refused."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from run_verb import groupnet

from android_runner.devices import open_device
from frontend.c_export.export import ExportReport
from frontend.compile import KernelRecord
from groupnet import bundle, manifest
from groupnet.boundary import EXIT_ERROR
from groupnet.errors import BundleFormatError, ModelSourceError
from groupnet.export import check_kernels, read_order
from groupnet.model_source import Request
from models.zoo import ZooEntry, entries

ENTRIES = entries()


def example_says(folder: Path, expected: Path) -> str:
    """Build the export's example; what it says of its own input."""
    sources = [folder / "example.c", *sorted((folder / "runtime").glob("*.c")), folder / "model.o"]
    flags = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
    includes = (f"-I{folder}", f"-I{folder / 'runtime'}")
    program = expected.parent / "example"
    subprocess.run(
        ["gcc", *flags, *includes, *sources, "-lm", "-pthread", "-o", program], check=True, timeout=60
    )
    command = [program, folder / "input.bin", expected]
    return subprocess.run(command, check=True, timeout=60, capture_output=True, text=True).stdout


def native_says(folder: Path, program: Path) -> dict[str, Any]:
    """Build groupnet_bench of the export; what it says of the export's own input, checked and predicted."""
    groupnet("native", "build", folder, "--out", program)
    name = json.loads((folder / "export.json").read_text())["name"]
    command = [program, "--model", name, "--image", folder / "input.bin"]
    done = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    (image,) = answer["images"]
    assert answer["check"]["ok"] and image["prediction"]
    return answer


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_an_exported_bundle_computes_what_the_bundle_does(
    entry: ZooEntry, zoo_bundle: Callable[[str], Path], tmp_path: Path
) -> None:
    made = zoo_bundle(entry.name)
    out = tmp_path / "net.c"
    said = groupnet("export", made, "--out", out)
    described = bundle.load_bundle(made)
    (pixels,) = described.reference().inputs
    assert (out / "input.bin").read_bytes() == pixels.tobytes()
    with open_device("host").session() as session:
        first, *_ = session.load(described.module).run("main", [pixels])
    (tmp_path / "bundle.bin").write_bytes(np.ascontiguousarray(first).tobytes())
    assert "bundle.bin: 0\n" in example_says(out, tmp_path / "bundle.bin")
    expected = b"".join(output.tobytes() for output in described.reference().outputs)
    assert (out / "output.bin").read_bytes() == expected
    assert native_says(out, tmp_path / "groupnet_bench")["model"] == entry.name
    assert said["target"] == "host" and said["symbol"] == entry.name.replace("-", "_")
    assert said["object_bytes"] < said["constant_bytes"] + 300_000
    assert json.loads((out / "export.json").read_text())["model_sha256"] == said["model_sha256"]


def test_a_model_needs_a_target(tmp_path: Path) -> None:
    error = groupnet("export", "digits-k3", "--out", tmp_path / "out", code=EXIT_ERROR)["error"]
    assert error["type"] == "ModelSourceError" and "--target" in error["message"]
    assert not list(tmp_path.iterdir())


def test_a_folder_of_something_else_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    error = groupnet("export", "digits-k3", "--target", "host", "--out", tmp_path, code=EXIT_ERROR)["error"]
    assert error["type"] == "OutputFolderError"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_bundle_gives_its_own_target_input_and_weights(
    tmp_path: Path, write_bundle: Callable[..., Path]
) -> None:
    made = write_bundle(tmp_path / "b")
    order = read_order(Request(str(made)), None, None)
    assert order.request == Request("tiny", bases=1, input_size=4, random_weights=True, seed=0)
    assert (order.target, order.input_kind) == ("host", "float")
    assert order.bundle == bundle.load_bundle(made).manifest
    assert read_order(Request(str(made)), "arm64", None).target == "arm64"
    for request, kind in ((Request(str(made), bases=2), None), (Request(str(made)), "uint8")):
        with pytest.raises(ModelSourceError, match="alone"):
            read_order(request, None, kind)  # type: ignore[arg-type]


def test_a_bundle_whose_model_changed_or_is_gone_is_refused(
    tmp_path: Path, write_bundle: Callable[..., Path]
) -> None:
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"old")
    checkpoint = manifest.Checkpoint(kind="checkpoint", name=str(weights), sha256=bundle.sha256_of(weights))
    source = manifest.ModelSource(
        architecture="tiny", bases=1, random_weights=False, seed=None, checkpoint=checkpoint
    )
    made = write_bundle(tmp_path / "b", source=source)
    assert read_order(Request(str(made)), None, None).request == Request(str(weights))
    weights.write_bytes(b"new")
    with pytest.raises(ModelSourceError, match="SHA-256 differs"):
        read_order(Request(str(made)), None, None)
    weights.unlink()
    with pytest.raises(ModelSourceError, match="found none"):
        read_order(Request(str(made)), None, None)


def test_a_bundle_of_nothing_known_is_refused(tmp_path: Path, write_bundle: Callable[..., Path]) -> None:
    source = manifest.ModelSource(architecture=None, bases=None, random_weights=True, seed=0, checkpoint=None)
    with pytest.raises(BundleFormatError, match="compile the model again"):
        read_order(Request(str(write_bundle(tmp_path / "b", source=source))), None, None)


def test_other_kernels_than_the_bundles_are_refused(
    tmp_path: Path, write_bundle: Callable[..., Path]
) -> None:
    made = str(write_bundle(tmp_path / "b"))
    order, elsewhere = (read_order(Request(made), target, None) for target in (None, "arm64"))
    same, other = (
        ExportReport("tiny", (), (), (KernelRecord("pack_f32u32", count),), (), 0, 0, 0, 0)
        for count in (1, 2)
    )
    check_kernels(order, same)
    check_kernels(elsewhere, other)
    with pytest.raises(BundleFormatError, match="--db"):
        check_kernels(order, other)
