"""`groupnet data`: data sets from the command line, never over something else, and pictures of them."""

import json
from pathlib import Path

import pytest
from PIL import Image as PillowImage
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
