"""Outlines and digits: distinct, whole, smooth, and from the split they are asked from."""

import numpy as np
import pytest

from models.data.shapes.glyphs import KINDS, draw_digit, rasterise
from models.data.shapes.outlines import SHAPES, outline


def fill(name: str, side: int = 65) -> np.ndarray:
    return rasterise([polygon * 30 + side / 2 for polygon in outline(name)], side, side)


def test_a_rectangle_covers_its_area() -> None:
    corners = np.array([[1.5, 2], [5, 2], [5, 4.25], [1.5, 4.25]])
    coverage = rasterise([corners], 6, 8)
    # A sub-pixel too much in height and width, at most.
    assert 3.5 * 2.25 <= coverage.sum() < 3.63 * 2.38
    assert (coverage[2:4, 2:5] == 1).all()
    assert coverage[0].sum() == coverage[:, 7].sum() == 0
    assert 0.3 < coverage[3, 1] < 0.8


def test_rings_have_a_hole_and_discs_their_area() -> None:
    assert fill("ring")[32, 32] == 0
    assert fill("ring")[32, 10] == 1
    assert fill("circle").sum() == pytest.approx(np.pi * (0.85 * 30) ** 2, rel=0.02)


def test_shapes_are_upright_and_told_apart() -> None:
    assert SHAPES == tuple(sorted(SHAPES))
    filled = {name: fill(name) for name in SHAPES}
    for name, coverage in filled.items():
        assert coverage.sum() > 500, name
        assert np.abs(coverage - coverage[:, ::-1]).mean() < 0.03, f"{name} is mirror-symmetric"
        assert coverage[[0, -1]].sum() + coverage[:, [0, -1]].sum() == 0, f"{name} fits"
    for a in SHAPES:
        for b in SHAPES:
            assert a == b or np.abs(filled[a] - filled[b]).mean() > 0.03, f"{a} and {b}"


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_objects_fit_their_patches(kind) -> None:  # type: ignore[no-untyped-def]
    """Nothing is cut off at the patch's border, and coverage is a part of a pixel."""
    rng = np.random.default_rng(0)
    for number in range(40):
        coverage = kind.draw(rng, number % 10, float(rng.uniform(9, 40)), "train")
        border = np.concatenate([coverage[[0, -1]].ravel(), coverage[:, [0, -1]].ravel()])
        assert border.max() == 0
        assert coverage.dtype == np.float32
        assert (coverage.min(), coverage.max()) == (0, 1)
        assert kind.classes == tuple(sorted(kind.classes))


def test_digits_of_the_splits_differ() -> None:
    train, val = (draw_digit(np.random.default_rng(3), 8, 20, split) for split in ("train", "val"))  # type: ignore[arg-type]
    assert not np.array_equal(train, val)
