"""Resizes, flips and pads images [H, W, 3] and masks [H, W], all uint8."""

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from models.data.samples import Image, Mask

Colour = tuple[int, int, int]


def resize_image(image: Image, height: int, width: int) -> Image:
    """Bilinear; when shrinking, the filter covers all source pixels (antialiased, as Pillow does it)."""
    if image.shape[:2] == (height, width):
        return image
    resized = PillowImage.fromarray(image).resize((width, height), PillowImage.Resampling.BILINEAR)
    return np.asarray(resized)


def resize_mask(mask: Mask, height: int, width: int) -> Mask:
    """Nearest: classes cannot be mixed."""
    if mask.shape == (height, width):
        return mask
    resized = PillowImage.fromarray(mask).resize((width, height), PillowImage.Resampling.NEAREST)
    return np.asarray(resized)


def pad_image(image: Image, height: int, width: int, colour: Colour) -> Image:
    """At the bottom and on the right, to at least `height` by `width`."""
    rows, columns = image.shape[:2]
    if rows >= height and columns >= width:
        return image
    padded = np.empty((max(rows, height), max(columns, width), 3), np.uint8)
    padded[:] = np.array(colour, np.uint8)
    padded[:rows, :columns] = image
    return padded


def pad_mask(mask: Mask, height: int, width: int, value: int) -> Mask:
    """At the bottom and on the right, to at least `height` by `width`."""
    rows, columns = mask.shape
    return np.pad(mask, ((0, max(0, height - rows)), (0, max(0, width - columns))), constant_values=value)


def flip_boxes(boxes: npt.NDArray[np.float32], width: int) -> npt.NDArray[np.float32]:
    """Boxes [n, 4] of an image mirrored left to right."""
    flipped = boxes.copy()
    flipped[:, 0] = width - boxes[:, 2]
    flipped[:, 2] = width - boxes[:, 0]
    return flipped


def shorter_side_to(image: Image | Mask, target: int) -> tuple[int, int]:
    """Height and width after scaling the shorter side to `target` pixels; the longer one is rounded down."""
    height, width = image.shape[:2]
    if height <= width:
        return target, int(target * width / height)
    return int(target * height / width), target


def longer_side_to(image: Image | Mask, target: int) -> tuple[int, int]:
    """Height and width after scaling the longer side to `target` pixels; the shorter one is rounded."""
    height, width = image.shape[:2]
    scale = target / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))
