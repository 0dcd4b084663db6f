"""Crops for classification: random ones to train with, the centre to test with (the ImageNet recipe)."""

import math
from dataclasses import replace

import numpy as np

from models.data.samples import ClassificationSample, Image
from models.data.transforms.resampling import resize_image, shorter_side_to

_ATTEMPTS = 10


def random_crop_and_flip(
    sample: ClassificationSample,
    rng: np.random.Generator,
    *,
    size: int = 224,
    area: tuple[float, float] = (0.08, 1.0),
    aspect: tuple[float, float] = (3 / 4, 4 / 3),
    flip: bool = True,
) -> ClassificationSample:
    """Cut out a random rectangle, resize it to `size` squared, mirror every other one.

    Szegedy et al., "Going Deeper with Convolutions" (CVPR 2015), section 6.

    Args:
        sample: Any image.
        rng: Draws the rectangle and the flip.
        size: Height and width of the result in pixels.
        area: Least and greatest part of the image's area.
        aspect: Least and greatest width / height, drawn evenly in the logarithm.
        flip: Whether to mirror; not for classes that a mirror changes, such as digits.
    """
    top, left, height, width = _rectangle(sample.image, rng, area, aspect)
    image = resize_image(sample.image[top : top + height, left : left + width], size, size)
    return replace(sample, image=image[:, ::-1] if flip and rng.random() < 0.5 else image)


def resize_and_center_crop(
    sample: ClassificationSample, *, resize: int = 256, crop: int = 224
) -> ClassificationSample:
    """Scale the shorter side to `resize` pixels and cut `crop` squared out of the middle; needs no chance."""
    image = resize_image(sample.image, *shorter_side_to(sample.image, max(resize, crop)))
    top, left = ((side - crop) // 2 for side in image.shape[:2])
    return replace(sample, image=image[top : top + crop, left : left + crop])


def centre_view(sample: ClassificationSample, *, size: int) -> ClassificationSample:
    """What networks of `size` pixels are tested on: ImageNet's 224 of 256 pixels, in proportion."""
    return resize_and_center_crop(sample, resize=round(size * 256 / 224), crop=size)


def _rectangle(
    image: Image, rng: np.random.Generator, area: tuple[float, float], aspect: tuple[float, float]
) -> tuple[int, int, int, int]:
    """Top, left, height, width of a random part; of a central one where no drawn one fits."""
    rows, columns = image.shape[:2]
    for _ in range(_ATTEMPTS):
        pixels = rows * columns * rng.uniform(*area)
        ratio = math.exp(rng.uniform(math.log(aspect[0]), math.log(aspect[1])))
        width, height = round(math.sqrt(pixels * ratio)), round(math.sqrt(pixels / ratio))
        if 0 < width <= columns and 0 < height <= rows:
            top, left = rng.integers(rows - height + 1), rng.integers(columns - width + 1)
            return int(top), int(left), height, width
    width = min(columns, max(1, round(rows * aspect[1])))
    height = min(rows, max(1, round(columns / aspect[0])))
    return (rows - height) // 2, (columns - width) // 2, height, width
