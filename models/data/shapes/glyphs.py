"""Objects before they have colours: how much of each pixel of a small patch a shape or a digit covers."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFilter

from models.data.shapes.outlines import SHAPES, outline

Coverage = npt.NDArray[np.float32]
"""Part of each pixel that is covered, 0 to 1; float32 [h, w]."""

Split = Literal["train", "val"]

_FINE = 8  # sub-pixels a side when rasterising outlines
_LARGEST_DIGIT_TURN = 0.25  # radians: a 6 stays a 6
_INK = 0.45  # grey value in the middle of a digit's border
_BORDER = 1.2  # pixels over which a digit's border fades
_DIGIT_PIXELS = 32  # height of a digit as stored
_DIGIT_MARGIN = 8  # pixels added around it, because digits touch their borders
_CELL = 4  # stored pixels for one of the scanned digit's


@dataclass(frozen=True)
class Kind:
    """A family of objects.

    Attributes:
        name: Of the generator.
        classes: Names, sorted, so that readers number them alike.
        radius: Least and greatest radius, as parts of the image's side.
        least_radius: No object is smaller than this, in pixels.
        draw: Makes one object of a class at random, of a given radius in pixels, from what a split may use.
    """

    name: str
    classes: tuple[str, ...]
    radius: tuple[float, float]
    least_radius: float
    draw: Callable[[np.random.Generator, int, float, Split], Coverage]


def draw_shape(rng: np.random.Generator, label: int, radius: float, _split: Split) -> Coverage:
    """One of `SHAPES`, turned anyhow and stretched a little."""
    stretch = math.exp(rng.uniform(-0.25, 0.25))
    transform = _rotation(rng.uniform(0, 2 * math.pi)) @ np.diag([stretch, 1 / stretch])
    transform = _rotation(rng.uniform(0, 2 * math.pi)) @ transform * radius
    polygons = [polygon @ transform.T for polygon in outline(SHAPES[label])]
    side = 2 * math.ceil(np.abs(polygons[0]).max()) + 3
    centre = side / 2 + rng.uniform(-0.5, 0.5, 2)
    return rasterise([polygon + centre for polygon in polygons], side, side)


def draw_digit(rng: np.random.Generator, label: int, radius: float, split: Split) -> Coverage:
    """A handwritten digit, turned, slanted and stretched a little; train and val use different ones."""
    choice = _digits(split)[label]
    pixels = PillowImage.fromarray(choice[rng.integers(len(choice))])
    side = 2 * math.ceil(1.4 * radius) + 3
    turn = _rotation(rng.uniform(-_LARGEST_DIGIT_TURN, _LARGEST_DIGIT_TURN))
    slant = np.array([[1, rng.uniform(-0.25, 0.25)], [0, 1]])
    # From a pixel of the patch back to a pixel of the digit.
    back = turn @ slant @ np.diag(np.exp(rng.uniform(-0.15, 0.15, 2))) * (_DIGIT_PIXELS / (2 * radius))
    centre = side / 2 + rng.uniform(-0.5, 0.5, 2)
    offset = np.array([pixels.width / 2, pixels.height / 2]) - back @ centre
    matrix = (back[0, 0], back[0, 1], offset[0], back[1, 0], back[1, 1], offset[1])
    warped = pixels.transform(
        (side, side), PillowImage.Transform.AFFINE, matrix, PillowImage.Resampling.BICUBIC
    )
    ink = np.asarray(warped, np.float32) / np.float32(255)
    # From paper to ink takes about a cell of the scan.
    slope = 2 * radius / _DIGIT_PIXELS * _CELL / _BORDER
    coverage: Coverage = np.clip((ink - np.float32(_INK)) * np.float32(slope) + np.float32(0.5), 0, 1)
    return coverage


def rasterise(polygons: list[npt.NDArray[np.float64]], height: int, width: int) -> Coverage:
    """Coverage of a polygon in pixels, less the later ones, its holes; borders are smoothed."""
    fine = PillowImage.new("L", (width * _FINE, height * _FINE))
    pen = ImageDraw.Draw(fine)
    for number, polygon in enumerate(polygons):
        # Pillow puts the centres of sub-pixels at whole numbers; it also fills those that a border touches.
        pen.polygon((polygon * _FINE - 0.5).ravel().tolist(), fill=0 if number else 255)
    return np.asarray(fine.reduce(_FINE), np.float32) / np.float32(255)


def _rotation(angle: float) -> npt.NDArray[np.float64]:
    return np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])


@cache
def _digits(split: Split) -> list[npt.NDArray[np.uint8]]:
    """The digits of a split, smoothed and with a margin, uint8 [n, 48, 48] for each of the ten classes."""
    from models.digits import load_digits

    data = load_digits()
    images = data.train if split == "train" else data.test
    margin = (_DIGIT_MARGIN, _DIGIT_MARGIN)
    padded = np.pad(images.pixels[..., 0], ((0, 0), margin, margin))
    blur = ImageFilter.GaussianBlur(_CELL / 4)
    smooth = np.stack([np.asarray(PillowImage.fromarray(digit).filter(blur)) for digit in padded])
    return [smooth[images.labels == label] for label in range(10)]


KINDS = {
    "shapes": Kind("shapes", SHAPES, (0.06, 0.24), 6, draw_shape),
    "digits": Kind("digits", tuple("0123456789"), (0.09, 0.26), 9, draw_digit),
}
"""What scenes can be made of."""
