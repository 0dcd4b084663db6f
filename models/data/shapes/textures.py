"""Surfaces of objects: random colours in a random pattern under a light; no class has its own."""

import colorsys
import math

import numpy as np
import numpy.typing as npt

from models.data.shapes.backgrounds import Colours, draw_background
from models.data.shapes.glyphs import Split

_PATTERNS = ("plain", "fade", "stripes", "checks", "dots", "photograph")


def draw_texture(rng: np.random.Generator, height: int, width: int, split: Split) -> Colours:
    """A patch of one of the patterns."""
    first, second = _colour(rng), _colour(rng)
    rows = np.arange(height, dtype=np.float32)[:, None] - height / 2
    columns = np.arange(width, dtype=np.float32) - width / 2
    angle = rng.uniform(0, 2 * math.pi)
    cos, sin = np.float32(math.cos(angle)), np.float32(math.sin(angle))
    along, across = columns * cos + rows * sin, rows * cos - columns * sin
    pattern = _PATTERNS[rng.integers(len(_PATTERNS))]
    if pattern == "photograph":
        surface = draw_background(rng, height, width, split) * np.float32(0.5) + first * np.float32(0.5)
    else:
        share = _share_of_second(rng, pattern, along, across)[..., None]
        surface = first + (second - first) * share
    light = rng.uniform(0.1, 0.35) / max(height, width) * 2
    return np.clip(surface * (1 + (rows + columns) * np.float32(light) / 2)[..., None], 0, 255)


def _share_of_second(
    rng: np.random.Generator,
    pattern: str,
    along: npt.NDArray[np.float32],
    across: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """How much of the second colour each pixel has, 0 to 1."""
    wave = np.float32(2 * math.pi / rng.uniform(5, 14))
    if pattern == "stripes":
        share = np.sin(along * wave) * 2
    elif pattern == "checks":
        share = np.sin(along * wave) * np.sin(across * wave) * 4
    elif pattern == "dots":
        share = (np.cos(along * wave) + np.cos(across * wave) - 0.8) * 2
    elif pattern == "fade":
        share = along / max(1.0, float(np.abs(along).max()))
    else:
        share = np.full_like(along, -1)
    bounded: npt.NDArray[np.float32] = np.clip(share * np.float32(0.5) + np.float32(0.5), 0, 1)
    return bounded


def _colour(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    red_green_blue = colorsys.hsv_to_rgb(rng.random(), rng.uniform(0.2, 1), rng.uniform(0.35, 1))
    return np.array(red_green_blue, np.float32) * np.float32(255)
