"""Backgrounds: parts of two photographs, turned, recoloured and blended; train and val see different parts.

The photographs come with scikit-learn: "china.jpg" by danielbuechele and "flower.jpg" by vultilion (both on
Flickr), CC BY 2.0.
"""

from functools import cache

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage

from models.data.samples import Image
from models.data.shapes.glyphs import Split

CREDITS = (
    "china.jpg by danielbuechele, flickr.com/photos/danielbuechele/6061409035, CC BY 2.0",
    "flower.jpg by vultilion, flickr.com/photos/vultilion/6056698931, CC BY 2.0",
)
"""Whom to name where pictures with these backgrounds are shown."""

Colours = npt.NDArray[np.float32]
"""RGB in 0 to 255, float32 [h, w, 3]."""

_TRAIN_COLUMNS = 0.6
"""Part of a photograph's width that train uses; val uses the rest."""

_LEAST_SIDE = 60  # pixels of a photograph that become one background: below that it is all blur


def draw_background(rng: np.random.Generator, height: int, width: int, split: Split) -> Colours:
    """A random piece of photograph; half of them are two pieces, blended."""
    picture = _piece(rng, height, width, split)
    if rng.random() < 0.5:
        share = np.float32(rng.uniform(0.25, 0.75))
        picture = picture * share + _piece(rng, height, width, split) * (1 - share)
    return picture


def _piece(rng: np.random.Generator, height: int, width: int, split: Split) -> Colours:
    photographs = _photographs(split)
    photograph = photographs[rng.integers(len(photographs))]
    rows, columns = photograph.shape[:2]
    side = int(rng.integers(_LEAST_SIDE, min(rows, columns) + 1))
    top, left = int(rng.integers(rows - side + 1)), int(rng.integers(columns - side + 1))
    part = PillowImage.fromarray(photograph[top : top + side, left : left + side])
    turn = int(rng.integers(8))
    if turn:  # one of the seven other ways to lay a square on itself
        part = part.transpose(PillowImage.Transpose(turn - 1))
    pixels = np.asarray(part.resize((width, height), PillowImage.Resampling.BILINEAR), np.float32)
    if rng.random() < 0.5:
        pixels = pixels[..., rng.permutation(3)]
    gain = rng.uniform(0.6, 1.2) * rng.uniform(0.8, 1.2, 3)
    lift = rng.uniform(-20, 40)
    recoloured: Colours = np.clip(pixels * gain.astype(np.float32) + np.float32(lift), 0, 255)
    return recoloured


@cache
def _photographs(split: Split) -> list[Image]:
    """The part of each photograph that a split may use."""
    from sklearn.datasets import load_sample_images

    parts = []
    for photograph in load_sample_images().images:
        border = int(photograph.shape[1] * _TRAIN_COLUMNS)
        parts.append(
            np.ascontiguousarray(photograph[:, :border] if split == "train" else photograph[:, border:])
        )
    return parts
