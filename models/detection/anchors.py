"""RetinaNet's anchors (Lin et al., ICCV 2017): nine boxes at each location, three shapes in three sizes."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.detection.levels import Level

ASPECT_RATIOS = (0.5, 1.0, 2.0)
"""Height over width."""

_OCTAVE_SCALES = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
_BASE_SIZE = 4  # strides

ANCHORS_PER_LOCATION = len(ASPECT_RATIOS) * len(_OCTAVE_SCALES)


def anchor_boxes(levels: Sequence[Level]) -> npt.NDArray[np.float32]:
    """All anchors as x1, y1, x2, y2 in pixels, float32 [A, 4]; they may reach over the image's border.

    The order is that of the network's outputs: level by level, row by row, and the nine of a location ratio
    by ratio, from small to large. An anchor of side 4 strides (times 1, 2^(1/3), 2^(2/3)) keeps its area at
    every ratio.
    """
    return np.concatenate([_of_level(level) for level in levels])


def _of_level(level: Level) -> npt.NDArray[np.float32]:
    sides = _BASE_SIZE * level.stride * np.array(_OCTAVE_SCALES)
    roots = np.sqrt(np.array(ASPECT_RATIOS))[:, None]
    half = np.stack([sides / roots, sides * roots], -1).reshape(1, -1, 2) / 2
    centres = level.centres()[:, None, :]
    return np.concatenate([centres - half, centres + half], -1).reshape(-1, 4).astype(np.float32)
