"""Clutter: strokes and blobs that are none of the classes, behind objects and before them."""

import math

import numpy as np
from PIL import Image as PillowImage
from PIL import ImageDraw

from models.data.shapes.glyphs import Coverage, rasterise

_FINE = 8  # sub-pixels a side


def draw_stroke(rng: np.random.Generator, size: int) -> Coverage:
    """A bent line across a part of the image, 1 to 4 % of its side wide but at least a pixel."""
    side = max(8, int(size * rng.uniform(0.2, 0.6)))
    fine = PillowImage.new("L", (side * _FINE, side * _FINE))
    start, bend, end = rng.uniform(0.05, 0.95, (3, 2)) * side * _FINE
    steps = np.linspace(0, 1, 12)[:, None]
    curve = (1 - steps) ** 2 * start + 2 * steps * (1 - steps) * bend + steps**2 * end
    width = max(_FINE + 1, round(size * rng.uniform(0.01, 0.04) * _FINE))
    ImageDraw.Draw(fine).line(curve.ravel().tolist(), fill=255, width=width, joint="curve")
    return np.asarray(fine.reduce(_FINE), np.float32) / np.float32(255)


def draw_blob(rng: np.random.Generator, size: int) -> Coverage:
    """A flower of six to eight lobes, as no class has; its radius is 4 to 14 % of the image's side."""
    radius = size * rng.uniform(0.04, 0.14)
    side = 2 * math.ceil(1.5 * radius) + 3
    angles = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    wobble = sum(
        rng.uniform(least, 2 * least) * np.sin(wave * angles + rng.uniform(0, 2 * np.pi))
        for wave, least in ((2, 0.05), (int(rng.integers(6, 9)), 0.11))
    )
    reach = radius * (1 + wobble)
    corners = np.stack([np.cos(angles) * reach, np.sin(angles) * reach], axis=1) + side / 2
    return rasterise([corners], side, side)
