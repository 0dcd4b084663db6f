"""Decoding: every mode becomes RGB or indices, and every kind of damage names its file."""

from pathlib import Path

import numpy as np
import pytest
from dataset_files import truncate, write_jpeg, write_png_mask
from PIL import Image as PillowImage

from models.data.image_file import check_same_size, read_image, read_mask
from models.errors import DataError


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "P", "RGBA"])
def test_images_of_every_mode_become_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("x.tif" if mode == "CMYK" else "x.png")
    PillowImage.new("RGB", (5, 3), (200, 100, 0)).convert(mode).save(path)
    image = read_image(path)
    assert image.shape == (3, 5, 3)
    assert image.dtype == np.uint8


def test_pixels_come_as_red_green_blue(tmp_path: Path) -> None:
    PillowImage.new("RGB", (1, 1), (1, 2, 3)).save(tmp_path / "x.png")
    assert read_image(tmp_path / "x.png").tolist() == [[[1, 2, 3]]]


def test_orientation_tags_are_left_alone(tmp_path: Path) -> None:
    image = PillowImage.new("RGB", (5, 3))
    exif = PillowImage.Exif()
    exif[0x0112] = 6  # turned by a quarter
    image.save(tmp_path / "x.jpg", exif=exif)
    assert read_image(tmp_path / "x.jpg").shape == (3, 5, 3)


@pytest.mark.parametrize("part", [0, 0.02, 0.5, 0.9])
def test_damaged_jpegs_are_named(tmp_path: Path, part: float) -> None:
    write_jpeg(tmp_path / "x.jpg", 64, 64)
    truncate(tmp_path / "x.jpg", part)
    with pytest.raises(DataError, match=r"x\.jpg; got .* copy it again"):
        read_image(tmp_path / "x.jpg")


def test_damaged_pngs_and_missing_files_are_named(tmp_path: Path) -> None:
    write_png_mask(tmp_path / "x.png", np.zeros((64, 64)))
    truncate(tmp_path / "x.png", 0.95)
    with pytest.raises(DataError, match=r"x\.png"):
        read_mask(tmp_path / "x.png", 2)
    with pytest.raises(DataError, match=r"y\.png; got no file"):
        read_mask(tmp_path / "y.png", 2)


@pytest.mark.parametrize("mode", ["P", "L"])
def test_masks_are_indices_and_not_colours(tmp_path: Path, mode: str) -> None:
    mask = np.array([[0, 1], [20, 255]], np.uint8)
    write_png_mask(tmp_path / "x.png", mask, mode)
    assert np.array_equal(read_mask(tmp_path / "x.png", 21), mask)


@pytest.mark.parametrize(
    ("mask", "complaint"),
    [([[0, 21]], "classes 0 to 20, or 255, .* got 21"), ([[255, 255]], "labelled pixel")],
)
def test_faulty_masks_are_refused(tmp_path: Path, mask: list[list[int]], complaint: str) -> None:
    write_png_mask(tmp_path / "x.png", np.array(mask))
    with pytest.raises(DataError, match=complaint):
        read_mask(tmp_path / "x.png", 21)


def test_masks_in_colour_are_refused(tmp_path: Path) -> None:
    PillowImage.new("RGB", (2, 2)).save(tmp_path / "x.png")
    with pytest.raises(DataError, match="indices"):
        read_mask(tmp_path / "x.png", 21)


def test_a_mask_of_another_size_is_refused() -> None:
    with pytest.raises(DataError, match=r"3x2 pixels.*m\.png; got 2x3"):
        check_same_size(np.zeros((2, 3, 3), np.uint8), np.zeros((3, 2), np.uint8), Path("m.png"))
