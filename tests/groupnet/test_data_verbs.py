"""`groupnet data`: data sets from the command line, never over something else, and pictures of them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from scipy.io import savemat
from typer.testing import CliRunner

from groupnet import boundary, cli


def call(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(cli.app, ["data", *map(str, arguments)])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def make(kind: str, out: Path, *more: str) -> tuple[int, str, str]:
    return call(kind, "--out", out, "--images", "11", "--val-images", "10", "--size", "48", *more)


def test_shapes_then_their_picture(tmp_path: Path) -> None:
    code, out, err = make("shapes", tmp_path / "shapes", "--json")
    assert code == 0
    assert json.loads(out) == {
        "folder": str(tmp_path / "shapes"),
        "kind": "shapes",
        "task": "scenes",
        "train_images": 11,
        "val_images": 10,
        "size": 48,
        "seed": 0,
    }
    assert "21 of 21 images" in err
    code, out, _ = call("show", tmp_path / "shapes", "--out", tmp_path / "s.png", "--images", "3", "--json")
    assert (code, json.loads(out)["images"]) == (0, 3)
    with PillowImage.open(tmp_path / "s.png") as picture:
        assert picture.width > 5 * 240


def test_digits_as_classification(tmp_path: Path) -> None:
    code, out, err = make("digits", tmp_path / "digits", "--task", "classification")
    assert (code, "11 images to train with" in out, "CC BY" in err) == (0, True, True)
    assert len(list((tmp_path / "digits/val/7").iterdir())) == 1


def test_nothing_is_overwritten_and_nothing_half_made_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/file").write_text("mine")
    code, _, err = make("shapes", tmp_path / "kept")
    assert (code, "absent or empty" in err) == (boundary.EXIT_ERROR, True)
    assert (tmp_path / "kept/file").read_text() == "mine"

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("models.data.shapes.generate.draw_scene", interrupted)
    code, _, _ = make("shapes", tmp_path / "new")
    assert code == boundary.EXIT_INTERRUPTED
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept"]


def test_errors_are_one_sentence(tmp_path: Path) -> None:
    code, _, err = call("show", tmp_path, "--out", tmp_path / "s.png")
    assert (code, "JPEGImages" in err) == (boundary.EXIT_ERROR, True)
    make("shapes", tmp_path / "shapes")
    code, _, err = call("show", tmp_path / "shapes", "--out", tmp_path / "missing/s.png")
    assert (code, "missing/s.png" in err) == (boundary.EXIT_ERROR, True)
    code, _, err = call("shapes", "--out", tmp_path / "few", "--images", "9", "--task", "classification")
    assert (code, "one for each class" in err) == (boundary.EXIT_ERROR, True)
    assert not (tmp_path / "few").exists()


def _sbd_of(devkit: Path, root: Path) -> Path:
    """SBD with masks of one class for an image that VOC's lists leave out, beside VOC's first val image."""
    voc = devkit / "VOCdevkit/VOC2012"
    first = (voc / "ImageSets/Segmentation/val.txt").read_text().split()[0]
    for folder in ("img", "cls"):
        (root / "dataset" / folder).mkdir(parents=True)
    image = (voc / "JPEGImages" / f"{first}.jpg").read_bytes()
    (voc / "JPEGImages/more.jpg").write_bytes(image)
    for split, name in (("train", "more"), ("val", first)):
        (root / "dataset" / f"{split}.txt").write_text(f"{name}\n")
        (root / "dataset/img" / f"{name}.jpg").write_bytes(image)
        savemat(root / f"dataset/cls/{name}.mat", {"GTcls": {"Segmentation": np.full((48, 48), 3, np.uint8)}})
    return root


def test_sbds_masks_are_added_once_and_can_be_trained_on(tmp_path: Path) -> None:
    make("shapes", tmp_path / "shapes")
    sbd = _sbd_of(tmp_path / "shapes", tmp_path / "benchmark_RELEASE")
    code, out, _ = call("sbd", sbd, "--voc", tmp_path / "shapes", "--json")
    said = json.loads(out)
    assert (code, said["images"], said["masks_of_sbd"]) == (0, 12, 1)
    assert len(Path(said["list"]).read_text().split()) == len(list(Path(said["masks"]).iterdir())) == 12
    code, _, err = call("sbd", sbd, "--voc", tmp_path / "shapes")
    assert (code, "SegmentationClassAug" in err) == (boundary.EXIT_ERROR, True)
    train = ("train", "shapes_bpac", "--dry-run", "--override", "network.width=4", "--override")
    arguments = [*train, "train_split=train_aug", "--data", str(tmp_path / "shapes")]
    assert CliRunner().invoke(cli.app, arguments).exit_code == 0


def test_what_is_no_sbd_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    make("shapes", tmp_path / "shapes")
    before = sorted(tmp_path.rglob("*"))
    code, _, err = call("sbd", tmp_path / "none", "--voc", tmp_path / "shapes")
    assert (code, "benchmark_RELEASE/dataset/cls" in err) == (boundary.EXIT_ERROR, True)
    assert sorted(tmp_path.rglob("*")) == before
