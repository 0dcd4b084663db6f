"""IoU counted by hand: ignored pixels, absent classes, batches, and what cannot be scored."""

import numpy as np
import pytest

from models.errors import DataError
from models.scoring.miou import ConfusionMatrix

MASK = np.array([[0, 0, 1], [1, 255, 2]], np.uint8)
GUESS = np.array([[0, 1, 1], [1, 0, 0]])


def test_counts_by_hand():
    matrix = ConfusionMatrix(4)
    matrix.update(GUESS, MASK)
    assert matrix.counts.tolist() == [[1, 1, 0, 0], [0, 2, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]]
    # Class 3 occurs nowhere, so it is no part of the mean.
    np.testing.assert_allclose(matrix.iou(), [1 / 3, 2 / 3, 0, np.nan])
    assert matrix.mean_iou() == pytest.approx(1 / 3)
    assert matrix.pixel_accuracy() == 3 / 5


def test_images_one_by_one_count_like_a_batch():
    rng = np.random.default_rng(0)
    masks, guesses = rng.integers(0, 3, (2, 5, 4, 7))
    masks[2, 1] = 255
    whole, single = ConfusionMatrix(3), ConfusionMatrix(3)
    whole.update(guesses, masks)
    for mask, guess in zip(masks, guesses, strict=True):
        single.update(guess, mask)
    assert (whole.counts == single.counts).all() and whole.counts.sum() == 5 * 28 - 7


def test_an_image_of_ignored_pixels_adds_nothing():
    matrix = ConfusionMatrix(2)
    matrix.update(np.ones((2, 2), np.int64), np.full((2, 2), 255))
    with pytest.raises(DataError, match="only ignored"):
        matrix.mean_iou()
    with pytest.raises(DataError, match="only ignored"):
        matrix.pixel_accuracy()


@pytest.mark.parametrize(
    ("guess", "mask", "complaint"),
    [
        (GUESS, MASK[:1], "each pixel"),
        (GUESS + 3, MASK, "prediction; got 3 to 4"),
        (GUESS - 1, MASK, "prediction; got -1"),
        (GUESS, MASK + np.uint8(2), "in the mask"),
    ],
)
def test_pixels_that_cannot_be_scored_are_refused(guess, mask, complaint):
    with pytest.raises(DataError, match=complaint):
        ConfusionMatrix(3).update(guess, mask)
