"""Run lengths as COCO writes them."""

import numpy as np
import pytest

from models.data.shapes.write_coco import run_lengths


def decode(lengths: list[int], shape: tuple[int, int]) -> np.ndarray:
    flat = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return flat.reshape(shape, order="F")


@pytest.mark.parametrize(
    ("rows", "lengths"),
    [
        (["00", "00"], [4]),
        (["11", "11"], [0, 4]),
        (["01", "00"], [2, 1, 1]),
        (["00", "01"], [3, 1]),
        (["10", "01"], [0, 1, 2, 1]),
    ],
)
def test_known_masks(rows: list[str], lengths: list[int]) -> None:
    mask = np.array([[digit == "1" for digit in row] for row in rows])
    assert run_lengths(mask) == lengths


def test_any_mask_comes_back() -> None:
    rng = np.random.default_rng(0)
    for density in (0.0, 0.1, 0.5, 0.9, 1.0):
        mask = rng.random((7, 5)) < density
        lengths = run_lengths(mask)
        assert sum(lengths) == 35
        assert np.array_equal(decode(lengths, (7, 5)), mask)
