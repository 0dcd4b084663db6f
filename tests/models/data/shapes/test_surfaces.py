"""Backgrounds, textures and clutter: in range, varied, and of the split they are asked from."""

import numpy as np
import pytest

from models.data.shapes.backgrounds import _photographs, draw_background
from models.data.shapes.clutter import draw_blob, draw_stroke
from models.data.shapes.textures import draw_texture


def test_splits_share_no_pixel_of_a_photograph() -> None:
    for train, val in zip(_photographs("train"), _photographs("val"), strict=True):
        assert train.shape[1] + val.shape[1] == 640
        assert val.shape[1] >= 200


@pytest.mark.parametrize("split", ["train", "val"])
def test_backgrounds_are_pictures(split: str) -> None:
    rng = np.random.default_rng(0)
    pictures = [draw_background(rng, 32, 48, split) for _ in range(20)]  # type: ignore[arg-type]
    assert {picture.shape for picture in pictures} == {(32, 48, 3)}
    assert {picture.dtype for picture in pictures} == {np.dtype(np.float32)}
    assert 0 <= min(map(np.min, pictures)) < max(map(np.max, pictures)) <= 255
    assert np.std([picture.mean() for picture in pictures]) > 10


def test_textures_have_any_size_and_vary() -> None:
    rng = np.random.default_rng(0)
    patches = [draw_texture(rng, 9, 13, "train") for _ in range(60)]
    assert {patch.shape for patch in patches} == {(9, 13, 3)}
    assert all(patch.dtype == np.float32 and patch.min() >= 0 and patch.max() <= 255 for patch in patches)
    flat = sum(patch.std(axis=(0, 1)).max() < 12 for patch in patches)
    assert 0 < flat < 30


@pytest.mark.parametrize("draw", [draw_stroke, draw_blob])
def test_clutter_covers_a_part(draw) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(0)
    for size in (48, 128):
        for _ in range(20):
            coverage = draw(rng, size)
            assert coverage.max() > 0.8
            assert 0 < coverage.sum() < 0.2 * size * size
