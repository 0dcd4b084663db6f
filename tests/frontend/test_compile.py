"""Whole networks: every switch of Group-Net compiles, and every integer equals PyTorch's."""

import numpy as np
import pytest
from small_nets import example, export, verify_on_host

from android_runner.elf import check_architecture
from frontend.compile import compile_model
from frontend.normalisation import Normalisation
from tvm_schedules.targets import resolve_target

SWITCHES = {
    "learned": {"fusion": "learned"},
    "one-base": {"bases": 1, "gate": "none"},
    "gate-per-base": {"gate": "base", "bases": 3},
    "no-gate": {"gate": "none"},
    "layers": {"group": "layer", "gate": "none", "fusion": "learned"},
    "two-blocks": {"group": "two_blocks", "gate": "none", "depths": (2, 1)},
    "whole-net": {"group": "net", "gate": "none"},
    "float-downsample": {"downsample": "float"},
    "pad-minus-one": {"pad_value": -1},
    "small-stem": {"stem": "small"},
    "odd-channels": {"width": 5, "in_channels": 3, "num_classes": 7},
    "wide": {"width": 36},
}


@pytest.mark.parametrize("switches", SWITCHES.values(), ids=SWITCHES.keys())
def test_every_switch_is_exact_on_the_host(switches, tmp_path):
    channels = switches.get("in_channels", 1)
    report, verified = verify_on_host(export(**switches), example(channels), tmp_path / "module.so")
    assert verified.exact
    assert verified.binary_convs == report.binary_convs > 0
    assert verified.integers > 1000
    assert len(report.convolutions) == report.binary_convs


def test_resnet18_with_all_its_widths(tmp_path):
    exported = export("groupnet_resnet18", width=16, depths=(1, 1, 1, 1))
    _, verified = verify_on_host(exported, example(3), tmp_path / "module.so")
    assert verified.exact


def test_float_twin_compiles_without_binary_convolutions(tmp_path):
    report, verified = verify_on_host(export(precision="float"), example(), tmp_path / "module.so")
    assert report.binary_convs == verified.binary_convs == 0


NORMALISATION = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_give_what_normalised_images_do(channels, tmp_path):
    exported = export(in_channels=channels)
    kept = Normalisation(NORMALISATION.mean[:channels], NORMALISATION.std[:channels])
    pixels = np.random.default_rng(0).integers(0, 256, (1, channels, 32, 32), np.uint8)
    report, verified = verify_on_host(exported, pixels, tmp_path / "a.so", kept)
    assert (report.inputs[0].shape, report.inputs[0].dtype) == ((1, 32, 32, channels), "uint8")
    assert verified.exact
    # The stem is fed with the very numbers; PyTorch's signs go in, so only its rounding differs.
    assert verified.forced_max_abs_err < 1e-5


def test_report_says_what_was_built(tmp_path):
    report = compile_model(export(bases=3), resolve_target("host"), tmp_path / "module.so")
    assert [(info.name, info.shape, info.dtype) for info in report.inputs] == [
        ("x", (1, 32, 32, 1), "float32")
    ]
    assert [(info.shape, info.dtype) for info in report.outputs] == [((1, 10), "float32")]
    first = report.convolutions[0]
    assert first.shape == (1, 8, 8, 8) and first.relu
    # The first block's three branches read one tensor: one wide convolution, called once.
    assert [convolution.pack for convolution in report.convolutions[:3]] == [0, 0, 0]
    assert [kernel.count for kernel in report.kernels if "m3" in kernel.name and "binary" in kernel.name] == [
        1
    ]
    assert report.packs[0].border == (1, 1)
    # The stem's [1, 16, 16, 8] is one of them; all tensors at once would be several times that.
    assert 16 * 16 * 8 * 4 < report.activation_bytes < 40_000
    assert all(kernel.count > 0 for kernel in report.kernels)
    assert any(kernel.name.startswith("binary_conv2d") for kernel in report.kernels)


@pytest.mark.parametrize("target", ["arm64", "arm64-dotprod", "cortex-a53", "cortex-a76"])
def test_arm64_targets_give_arm64_libraries(target, tmp_path):
    module = tmp_path / "module.so"
    compile_model(export(depths=(1,)), resolve_target(target), module, dump_ir=tmp_path / "ir")
    assert "alloc_storage" in (tmp_path / "ir" / "phase-4-build.py").read_text()
    check_architecture(module, "aarch64", "the test's phone")


def test_compiling_twice_gives_the_same_answers(tmp_path):
    exported = export()
    first = verify_on_host(exported, example(), tmp_path / "a.so")[1]
    second = verify_on_host(exported, example(), tmp_path / "b.so")[1]
    assert first == second
    assert np.isfinite(first.max_abs_err)
