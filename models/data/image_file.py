"""Decodes image and mask files; a file that cannot be decoded is named in the error."""

from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from models.data.samples import IGNORE, Image, Mask
from models.errors import DataError

# What Pillow raises for damaged files: by format, by place of the damage, and for absurd sizes.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, PillowImage.DecompressionBombError)


def read_image(path: Path) -> Image:
    """Decode any image file to RGB, uint8 [H, W, 3]; grey, palette and CMYK images are converted.

    A camera's orientation tag is not applied: boxes and masks of VOC and COCO refer to the pixels as stored.

    Raises:
        DataError: There is no such file, or it is truncated, damaged or no image.
    """
    return np.asarray(_decode(path, "RGB"))


def read_mask(path: Path, classes: int) -> Mask:
    """Decode a mask of palette or grey indices, uint8 [H, W].

    Args:
        path: A PNG in palette mode (VOC) or 8-bit grey (the augmented VOC masks).
        classes: Number of classes, background included; each index must be below it, or 255.

    Raises:
        DataError: The file cannot be decoded, has colours and not indices, names a class out of range, or
            has no pixel that is not 255.
    """
    decoded = _decode(path, None)
    if decoded.mode not in ("P", "L"):
        raise DataError(
            f"expected class indices (a palette or 8-bit grey PNG) in {path}; got mode {decoded.mode}; "
            "convert colours back to indices"
        )
    mask = np.asarray(decoded)
    check_mask(mask, classes, path)
    return mask


def check_mask(mask: Mask, classes: int, path: Path) -> None:
    """Raise DataError unless each pixel is a class below `classes` or 255, and some pixel is no 255."""
    present = np.flatnonzero(np.bincount(mask.ravel(), minlength=IGNORE + 1))
    labelled = present[present != IGNORE]
    if not len(labelled):
        raise DataError(f"expected a labelled pixel in {path}; got only 255; take the image from its list")
    if labelled[-1] >= classes:
        raise DataError(
            f"expected classes 0 to {classes - 1}, or 255, in {path}; got {labelled[-1]}; "
            "check the mask and the list of classes"
        )


def check_same_size(image: Image, mask: Mask, path: Path) -> None:
    """Raise DataError, naming the mask's `path`, unless it is as large as its image."""
    if image.shape[:2] != mask.shape:
        raise DataError(
            f"expected a mask of {image.shape[1]}x{image.shape[0]} pixels, as its image has, in {path}; got "
            f"{mask.shape[1]}x{mask.shape[0]}; make the mask again"
        )


def _decode(path: Path, mode: str | None) -> PillowImage.Image:
    """The decoded image, converted to `mode` unless that is None."""
    try:
        with PillowImage.open(path) as opened:
            opened.load()
            return opened if mode is None or opened.mode == mode else opened.convert(mode)
    except FileNotFoundError as error:
        raise DataError(f"expected an image at {path}; got no file; copy the data set again") from error
    except _DAMAGED as error:
        raise DataError(
            f"expected a readable image in {path}; got '{error}'; the file is damaged, copy it again"
        ) from error
