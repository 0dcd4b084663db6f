"""The whole flow by command line: compile, verify, time, score; on the host and on the emulated phone."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from run_verb import groupnet
from torch import nn

from android_runner.emulator.phone import EmulatedPhone, start_phone, stop_phone
from android_runner.emulator.private_adb_server import new_server
from groupnet import boundary, bundle
from models.binary_conv2d import binary_conv2d


@pytest.fixture(scope="module")
def host_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("host") / "digits.bundle"
    groupnet("compile", "digits-k3", "--target", "host", "--out", out)
    return out


@pytest.fixture(scope="module")
def phone() -> Iterator[EmulatedPhone]:
    name = f"flow-{os.getpid()}"
    yield start_phone(cpu="cortex-a76", name=name)
    stop_phone(name)


def test_the_manifest_describes_the_model(host_bundle: Path) -> None:
    manifest = bundle.load_bundle(host_bundle).manifest
    assert (manifest.name, manifest.task, manifest.labels) == (
        "digits-k3",
        "classification",
        tuple("0123456789"),
    )
    assert (manifest.inputs[0].shape, manifest.inputs[0].dtype) == ((1, 32, 32, 1), "uint8")
    assert bundle.load_bundle(host_bundle).reference().inputs[0].dtype == "uint8"
    assert manifest.outputs[0].shape == (1, 10)
    assert manifest.source.checkpoint is not None
    assert manifest.source.checkpoint.name == "digits-k3"
    assert manifest.verification.convolutions
    assert any(entry.fired for entry in manifest.passes)
    # Branches of a group share a kernel, so there are fewer calls than convolutions.
    assert 0 < sum(kernel.count for kernel in manifest.kernels) <= len(manifest.verification.convolutions)


def test_the_host_is_verified_and_timed(host_bundle: Path) -> None:
    result = groupnet("bench", host_bundle, "--runs", "7")
    verified, latency = result["verified"], result["latency_ms"]
    assert verified["exact"] is True
    assert verified["binary_convs"] == len(bundle.load_bundle(host_bundle).manifest.verification.convolutions)
    assert verified["max_abs_err"] < 1e-3
    assert len(latency["samples"]) == 7
    assert 0 < latency["min"] <= latency["p50"] <= latency["p95"] <= max(latency["samples"])
    assert result["device"]["kind"] == "host"
    assert (result["device"]["emulated"], result["note"]) == (False, None)


def test_the_host_scores_as_pytorch_does(host_bundle: Path) -> None:
    result = groupnet("eval", host_bundle, "--data", "digits")
    assert result["images"] == 360
    assert result["scores"] == result["pytorch_scores"]
    assert result["same_predictions"] == 360
    assert result["scores"]["top1"] > 0.95


def test_a_normalised_image_is_another_way_to_the_same_scores(host_bundle: Path, tmp_path: Path) -> None:
    groupnet("compile", "digits-k3", "--target", "host", "--input", "float", "--out", tmp_path / "b")
    assert bundle.load_bundle(tmp_path / "b").manifest.inputs[0].dtype == "float32"
    assert groupnet("bench", tmp_path / "b", "--runs", "1")["verified"]["exact"] is True
    floats, pixels = (groupnet("eval", path)["scores"] for path in (tmp_path / "b", host_bundle))
    assert floats == pixels


@pytest.fixture(scope="module")
def phone_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("phone") / "digits.bundle"
    made = groupnet("compile", "digits-k3", "--target", "cortex-a76", "--out", out)
    assert made["target"]["arch"] == "aarch64"
    return out


@pytest.mark.phone
def test_the_phone_computes_what_pytorch_does_by_either_transport(
    phone_bundle: Path,
    phone: EmulatedPhone,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = new_server(tmp_path_factory.mktemp("adb-home"))
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(server.port))
    device = f"adb:{phone.serial}"
    found = []
    try:
        server.trust(phone)
        for transport in ("adb-shell", "adbutils"):
            how = ("--device", device, "--transport", transport)
            trace = tmp_path / f"{transport}.json"
            control = ("--cores", "big", "--governor", "performance", "--trace", trace)
            timed = groupnet("bench", phone_bundle, *how, "--runs", "2", *control)
            scored = groupnet("eval", phone_bundle, *how, "--limit", "12")
            found.append((timed["verified"], scored["scores"], scored["same_predictions"]))
            assert timed["device"]["name"] == f"{transport}:{phone.serial}"
            assert (timed["device"]["emulated"], timed["note"]) == (True, "emulated, not a latency")
            assert scored["scores"] == scored["pytorch_scores"]
            check_profile(timed["profile"], phone_bundle, trace)
            check_control(timed)
    finally:
        server.stop()
    # The integers' digests are compared one by one within each: equal to PyTorch's is equal to each other's.
    assert found[0] == found[1]
    assert found[0][0]["exact"] is True and found[0][0]["binary_convs"] > 0


def check_control(timed: dict[str, Any]) -> None:
    controlled = timed["run_control"]
    assert controlled["kinds"] == ["Cortex-A76"] and controlled["governor"]["permitted"]
    assert controlled["governor"]["after"] == controlled["governor"]["before"] == controlled["governors"]
    assert timed["temperature"]["hot"] is False and len(timed["attempts"]) == 1


def check_profile(profile: dict[str, Any], path: Path, trace: Path) -> None:
    assert sum(kernel["calls"] for kernel in profile["kernels"]) == sum(
        kernel.count for kernel in bundle.load_bundle(path).manifest.kernels
    )
    assert 0 < profile["kernels_share"] < 1 and profile["memory"]["added_bytes"] > 0
    assert profile["ceiling"]["note"] == "emulated, not a ceiling"
    assert profile["ceiling"]["binary_macs_s"] > 0 and profile["kernels"][0]["of_ceiling"] is None
    assert profile["energy"]["watts"] == pytest.approx(0.86, abs=0.01)  # what the phone's gauge always says
    assert json.loads(trace.read_text())["traceEvents"]


@pytest.mark.phone
def test_the_hosts_bundle_does_not_reach_the_phone(host_bundle: Path, phone: EmulatedPhone) -> None:
    error = groupnet("bench", host_bundle, "--device", f"adb:{phone.serial}", code=boundary.EXIT_ERROR)[
        "error"
    ]
    assert error["type"] == "BundleTargetError"


def test_one_wrong_integer_is_an_error_that_names_the_layer(host_bundle: Path, tmp_path: Path) -> None:
    """PyTorch's digest of one layer is changed, as if the kernel computed something else."""
    for name in (bundle.MODULE, bundle.REFERENCE):
        (tmp_path / name).write_bytes((host_bundle / name).read_bytes())
    manifest = json.loads((host_bundle / bundle.MANIFEST).read_text())
    layer = manifest["verification"]["convolutions"][-1]
    layer["integers_sha256"] = "0" * 64
    (tmp_path / bundle.MANIFEST).write_text(json.dumps(manifest))
    error = groupnet("bench", tmp_path, code=boundary.EXIT_ERROR)["error"]
    assert error["type"] == "VerificationError"
    assert layer["layer"] in error["message"]


def test_an_exported_program_is_compiled_and_verified(tmp_path: Path) -> None:
    class TwoConvolutions(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            generator = torch.Generator().manual_seed(0)
            self.first = nn.Parameter(torch.randn(5, 3, 3, 3, generator=generator))
            self.second = nn.Parameter(torch.randn(7, 5, 1, 1, generator=generator))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = binary_conv2d(x, self.first, [2, 2], [1, 1], [1, 1], -1) * 0.1
            result: torch.Tensor = binary_conv2d(x, self.second, [1, 1], [0, 0], [1, 1], 1) * 0.1
            return result.mean((2, 3))

    torch.export.save(
        torch.export.export(TwoConvolutions().eval(), (torch.zeros(2, 3, 9, 9),)), tmp_path / "m.pt2"
    )
    made = groupnet(
        "compile",
        tmp_path / "m.pt2",
        "--target",
        "host",
        "--out",
        tmp_path / "b",
        "--dump-ir",
        tmp_path / "ir",
    )
    assert (made["task"], made["binary_convs"]) == ("unknown", 2)
    assert any((tmp_path / "ir").iterdir())
    assert groupnet("bench", tmp_path / "b", "--runs", "1")["verified"]["binary_convs"] == 2
    groupnet("compile", tmp_path / "m.pt2", "--target", "host", "--out", tmp_path / "again")
    for name in (bundle.MODULE, bundle.MANIFEST, bundle.REFERENCE):
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_ctrl_c_in_the_middle_keeps_the_former_bundle(
    tmp_path: Path, write_bundle: Callable[..., Path]
) -> None:
    out = write_bundle(tmp_path / "out")
    former = (out / bundle.MANIFEST).read_bytes()
    command = "from groupnet.cli import main; main()"
    arguments = ["compile", "groupnet_digits", "--target", "host", "--out", str(out), "--json"]
    with subprocess.Popen(
        [sys.executable, "-c", command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as compiling:
        assert compiling.stderr is not None and compiling.stdout is not None
        # Phase 2 is well inside the block that fills the new bundle.
        for line in compiling.stderr:
            if "2-binary-dataflow" in line:
                break
        time.sleep(0.05)
        compiling.send_signal(signal.SIGINT)
        said = compiling.stderr.read()
        assert compiling.stdout.read() == ""
    assert compiling.returncode == boundary.EXIT_INTERRUPTED
    assert "interrupted" in said.splitlines()
    assert "Traceback" not in said
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (out / bundle.MANIFEST).read_bytes() == former
