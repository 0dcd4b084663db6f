"""Scales and flips for detection, boxes included: shorter side 800, but longer side at most 1333."""

from dataclasses import replace

import numpy as np

from models.data.samples import DetectionSample
from models.data.transforms.resampling import (
    Colour,
    flip_boxes,
    longer_side_to,
    pad_image,
    resize_image,
)


def random_resize_and_flip(
    sample: DetectionSample,
    rng: np.random.Generator,
    *,
    shorter: tuple[int, ...] = (800,),
    longer: int = 1333,
    flip: bool = True,
) -> DetectionSample:
    """Resize to one of the sizes, mirror every other image.

    Args:
        sample: Any image and its objects.
        rng: Draws size and flip.
        shorter: Pixels of the shorter side; several for training at several scales.
        longer: Greatest length of the longer side in pixels.
        flip: Whether to mirror; not for classes that a mirror changes, such as digits.
    """
    resized = resize_sides(sample, shorter=int(rng.choice(shorter)), longer=longer)
    if not (flip and rng.random() < 0.5):
        return resized
    target = replace(resized.target, boxes=flip_boxes(resized.target.boxes, resized.image.shape[1]))
    return replace(resized, image=resized.image[:, ::-1], target=target)


def resize_sides(sample: DetectionSample, *, shorter: int = 800, longer: int = 1333) -> DetectionSample:
    """Scale the shorter side to `shorter` pixels, or by less, so that the longer one is at most `longer`."""
    return _resize(sample, *detection_size(*sample.image.shape[:2], shorter=shorter, longer=longer))


def fit_square_with_boxes(sample: DetectionSample, *, size: int, padding: Colour) -> DetectionSample:
    """Scale the longer side to `size` and pad to a square at the bottom or right: one size for all.

    Multiply the boxes that a network finds by `max(height, width) / size` of the original image.
    """
    resized = _resize(sample, *longer_side_to(sample.image, size))
    return replace(resized, image=pad_image(resized.image, size, size, padding))


def detection_size(height: int, width: int, *, shorter: int, longer: int) -> tuple[int, int]:
    """Height and width after `resize_sides`."""
    scale = min(shorter / min(height, width), longer / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _resize(sample: DetectionSample, height: int, width: int) -> DetectionSample:
    rows, columns = sample.image.shape[:2]
    factor = np.array([width / columns, height / rows] * 2, np.float32)
    target = replace(
        sample.target,
        boxes=sample.target.boxes * factor,
        areas=sample.target.areas * (factor[0] * factor[1]),
    )
    return replace(sample, image=resize_image(sample.image, height, width), target=target)
