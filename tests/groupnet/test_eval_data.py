"""Scores of each task over the command line: what a bundle finds in images is what PyTorch finds."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from run_verb import groupnet

from android_runner.emulator.phone import EmulatedPhone, start_phone, stop_phone
from groupnet import boundary
from models.checkpoint import save_checkpoint
from models.data.shapes.generate import Plan, write_classification, write_scenes
from models.data.transforms.normalise import IMAGENET_MEAN, IMAGENET_STD
from models.metadata import ModelMeta, Preprocessing
from models.networks import make_network
from models.randomize import randomize
from models.registry import config_of

SIZE = 64
CLASSES = ("arrow", "circle", "crescent", "cross", "drop", "heart", "ring", "square", "star", "triangle")


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    write_scenes(folder, Plan(kind="shapes", train=1, val=5, size=SIZE, seed=0))
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    write_classification(folder, Plan(kind="shapes", train=10, val=10, size=SIZE, seed=0))
    return folder


def compiled(
    folder: Path, architecture: str, labels: tuple[str, ...], *, target: str = "host", **overrides: Any
) -> Path:
    """A bundle of a network with random weights that says it was trained to tell `labels` apart."""
    config = config_of(architecture).replace(
        width=8, bases=2, rates=(), input_size=SIZE, num_classes=len(labels), **overrides
    )
    network = make_network(config)
    randomize(network, 0)
    meta = ModelMeta(
        architecture=architecture,
        config=config,
        task=config.task,
        labels=labels,
        preprocessing=Preprocessing(SIZE, 3, IMAGENET_MEAN, IMAGENET_STD),
        training_command="",
        seed=0,
        metrics={},
    )
    save_checkpoint(folder / "net.pt", network, meta)
    groupnet("compile", folder / "net.pt", "--target", target, "--out", folder / "net.bundle")
    return folder / "net.bundle"


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("classifier"), "groupnet_digits", CLASSES, in_channels=3)


def test_classes_of_pictures(classifier: Path, pictures: Path) -> None:
    result = groupnet("eval", classifier, "--data", pictures)
    assert result["images"] == result["same_predictions"] == result["predictions"] == 10
    assert result["scores"] == result["pytorch_scores"]
    assert set(result["scores"]) == {"top1", "top3"}


def test_classes_of_pixels(scenes: Path, tmp_path: Path) -> None:
    bundle = compiled(tmp_path, "groupnet_shapes_bpac", ("background", *CLASSES))
    result = groupnet("eval", bundle, "--data", scenes, "--limit", "3")
    assert (result["images"], result["prediction_of"]) == (3, "pixel")
    assert result["predictions"] == 3 * SIZE**2
    # A pixel between two classes may fall to the other: floats are summed in another order.
    assert result["same_predictions"] >= 0.999 * result["predictions"]
    assert result["scores"]["miou"] == pytest.approx(result["pytorch_scores"]["miou"], abs=1e-3)


@pytest.mark.parametrize("data_format", ["coco", "voc"])
def test_boxes_of_objects(scenes: Path, tmp_path: Path, data_format: str) -> None:
    bundle = compiled(tmp_path, "groupnet_shapes_fcos", CLASSES, pyramid_channels=16)
    result = groupnet("eval", bundle, "--data", scenes, "--format", data_format)
    assert (result["images"], result["prediction_of"]) == (5, "object")
    # Random weights find boxes anywhere; those within rounding of a threshold may differ.
    assert result["same_predictions"] >= 0.98 * result["predictions"]
    assert result["scores"]["ap"] == pytest.approx(result["pytorch_scores"]["ap"], abs=1e-3)


@pytest.fixture(scope="module")
def phone() -> Iterator[EmulatedPhone]:
    name = f"eval-{os.getpid()}"
    yield start_phone(cpu="cortex-a76", name=name)
    stop_phone(name)


@pytest.mark.phone
@pytest.mark.parametrize(
    ("architecture", "labels", "overrides"),
    [
        ("groupnet_digits", CLASSES, {"in_channels": 3, "activation_bits": 2}),
        ("groupnet_shapes_bpac", ("background", *CLASSES), {"head": "deeplabv3", "aspp_rates": (2, 3)}),
        ("groupnet_shapes_fcos", CLASSES, {"pyramid_channels": 16}),
    ],
    ids=["2-bit classifier", "deeplabv3", "fcos"],
)
def test_every_task_on_the_phone(
    scenes: Path,
    pictures: Path,
    phone: EmulatedPhone,
    tmp_path: Path,
    architecture: str,
    labels: tuple[str, ...],
    overrides: dict[str, Any],
) -> None:
    bundle = compiled(tmp_path, architecture, labels, target="cortex-a76", **overrides)
    device = f"adb:{phone.serial}"
    assert groupnet("bench", bundle, "--device", device, "--runs", "1")["verified"]["exact"] is True
    data = pictures if architecture == "groupnet_digits" else scenes
    result = groupnet("eval", bundle, "--data", data, "--device", device, "--limit", "3")
    main = {"classification": "top1", "segmentation": "miou", "detection": "ap"}[result["task"]]
    # Floats are summed in another order; what lies within rounding of a threshold may differ.
    assert result["same_predictions"] >= 0.98 * result["predictions"]
    assert result["scores"][main] == pytest.approx(result["pytorch_scores"][main], abs=1e-3)


def test_bad_requests_are_told_in_a_sentence(classifier: Path, scenes: Path, tmp_path: Path) -> None:
    for arguments, words in (
        (("--data", tmp_path / "nothing"), ("nothing", "check the path")),
        (("--data", "digits"), ("digits", "colour", "compile digits-k3")),
        (("--data", scenes, "--format", "voc"), ("images", "voc")),
        (("--data", scenes), ("one folder a class",)),
    ):
        error = groupnet("eval", classifier, *arguments, code=boundary.EXIT_ERROR)["error"]
        assert any(word in error["message"] for word in words), error


def test_a_split_that_is_not_there_is_named(classifier: Path, pictures: Path) -> None:
    error = groupnet("eval", classifier, "--data", pictures, "--split", "test", code=boundary.EXIT_ERROR)
    assert "test" in error["error"]["message"]
