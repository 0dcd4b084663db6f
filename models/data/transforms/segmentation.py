"""Scales and crops for segmentation; the defaults are those of Group-Net's official code."""

import numpy as np

from models.data.samples import IGNORE, SegmentationSample
from models.data.transforms.resampling import (
    Colour,
    longer_side_to,
    pad_image,
    pad_mask,
    resize_image,
    resize_mask,
    shorter_side_to,
)


def random_scale_crop_and_flip(
    sample: SegmentationSample,
    rng: np.random.Generator,
    *,
    padding: Colour,
    base: int = 520,
    crop: int = 480,
    scale: tuple[float, float] = (0.5, 2.0),
    flip: bool = True,
) -> SegmentationSample:
    """Scale the shorter side to a random size, cut out a random square, mirror every other one.

    Args:
        sample: Any image and its mask.
        rng: Draws size, place and flip.
        padding: Colour of what the square has beyond a small image; the mask is 255 there.
        base: Shorter side in pixels at scale 1.
        crop: Side of the square in pixels.
        scale: Least and greatest factor of `base`.
        flip: Whether to mirror; not for classes that a mirror changes, such as digits.
    """
    shorter = max(1, round(base * rng.uniform(*scale)))
    height, width = shorter_side_to(sample.mask, shorter)
    image = pad_image(resize_image(sample.image, height, width), crop, crop, padding)
    mask = pad_mask(resize_mask(sample.mask, height, width), crop, crop, IGNORE)
    top, left = (int(rng.integers(side - crop + 1)) for side in mask.shape)
    image = image[top : top + crop, left : left + crop]
    mask = mask[top : top + crop, left : left + crop]
    if flip and rng.random() < 0.5:
        image, mask = image[:, ::-1], mask[:, ::-1]
    return SegmentationSample(image, mask, sample.name)


def fit_square(sample: SegmentationSample, *, size: int, padding: Colour) -> SegmentationSample:
    """Scale the longer side to `size` and pad to a square, so that networks of one input size see everything.

    What is padded is 255 in the mask, so it is not scored.
    """
    height, width = longer_side_to(sample.mask, size)
    image = pad_image(resize_image(sample.image, height, width), size, size, padding)
    mask = pad_mask(resize_mask(sample.mask, height, width), size, size, IGNORE)
    return SegmentationSample(image, mask, sample.name)
