"""Boxes x1, y1, x2, y2 in pixels, from what detectors predict: deltas to an anchor, or four distances."""

import math

import numpy as np
import numpy.typing as npt

LARGEST_LOG_SCALE = math.log(1000 / 16)
"""Bound of logarithms of sizes before they are exponentiated, so that bad predictions stay finite."""


def decode_deltas(
    deltas: npt.NDArray[np.float32], anchors: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """The boxes [n, 4] that `deltas` dx, dy, dw, dh [n, 4] make of `anchors` [n, 4].

    `cx = cx_a + dx w_a`, `cy = cy_a + dy h_a`, `w = w_a exp(dw)`, `h = h_a exp(dh)` (Girshick et al., CVPR
    2014); sizes grow 62.5 times at most.
    """
    anchor_sizes = anchors[:, 2:] - anchors[:, :2]
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2 + deltas[:, :2] * anchor_sizes
    half = anchor_sizes * np.exp(np.minimum(deltas[:, 2:], np.float32(LARGEST_LOG_SCALE))) / 2
    return np.concatenate([centres - half, centres + half], -1)


def decode_distances(
    distances: npt.NDArray[np.float32], centres: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Boxes [n, 4] from distances to left, top, right and bottom [n, 4] around `centres` (x, y) [n, 2]."""
    return np.concatenate([centres - distances[:, :2], centres + distances[:, 2:]], -1)
