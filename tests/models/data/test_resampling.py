"""Sizes, borders and flips."""

import numpy as np
import pytest

from models.data.transforms.resampling import (
    flip_boxes,
    longer_side_to,
    pad_image,
    pad_mask,
    resize_image,
    resize_mask,
    shorter_side_to,
)


def blank(height: int, width: int) -> np.ndarray:
    return np.zeros((height, width, 3), np.uint8)


@pytest.mark.parametrize(("shape", "expected"), [((10, 20), (4, 8)), ((21, 10), (8, 4)), ((7, 7), (4, 4))])
def test_shorter_side(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert shorter_side_to(blank(*shape), 4) == expected


@pytest.mark.parametrize(("shape", "expected"), [((10, 20), (4, 8)), ((1000, 1), (8, 1)), ((3, 3), (8, 8))])
def test_longer_side(shape: tuple[int, int], expected: tuple[int, int]) -> None:
    assert longer_side_to(blank(*shape), 8) == expected


def test_constant_images_stay_constant_and_masks_get_no_new_class() -> None:
    assert (resize_image(np.full((7, 9, 3), 77, np.uint8), 5, 20) == 77).all()
    mask = np.array([[0, 255], [20, 3]], np.uint8)
    resized = resize_mask(mask, 4, 6)
    assert np.array_equal(resized, mask.repeat(2, 0).repeat(3, 1))


def test_shrinking_averages_all_pixels() -> None:
    image = blank(1, 64)
    image[:, ::2] = 255
    assert abs(int(resize_image(image, 1, 4)[0, 2, 0]) - 128) <= 2


def test_padding_is_below_and_on_the_right() -> None:
    image = pad_image(np.full((1, 2, 3), 9, np.uint8), 2, 3, (1, 2, 3))
    assert image[0, 1].tolist() == [9, 9, 9]
    assert image[1, 0].tolist() == image[0, 2].tolist() == [1, 2, 3]
    assert pad_mask(np.zeros((1, 2), np.uint8), 2, 2, 255).tolist() == [[0, 0], [255, 255]]
    large = blank(5, 5)
    assert pad_image(large, 3, 5, (0, 0, 0)) is large


def test_flipping_boxes_twice_gives_them_back() -> None:
    boxes = np.array([[0, 1, 2, 3], [4.5, 0, 9, 6]], np.float32)
    flipped = flip_boxes(boxes, 9)
    assert flipped.tolist() == [[7, 1, 9, 3], [0, 0, 4.5, 6]]
    assert np.array_equal(flip_boxes(flipped, 9), boxes)
