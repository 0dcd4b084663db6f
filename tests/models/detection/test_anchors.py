"""RetinaNet's anchors: their number, order, sizes and shapes."""

import numpy as np
import pytest

from models.detection.anchors import ANCHORS_PER_LOCATION, ASPECT_RATIOS, anchor_boxes
from models.detection.levels import Level


def test_nine_at_each_location_of_each_level():
    levels = (Level(8, 3, 2), Level(16, 2, 1))
    assert ANCHORS_PER_LOCATION == 9
    anchors = anchor_boxes(levels)
    assert anchors.shape == ((6 + 2) * 9, 4) and anchors.dtype == np.float32
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2
    expected = np.concatenate([level.centres() for level in levels]).repeat(9, axis=0)
    np.testing.assert_allclose(centres, expected, atol=1e-4)


def test_areas_grow_by_octave_thirds_and_keep_at_every_ratio():
    anchors = anchor_boxes((Level(8, 1, 1),)).reshape(3, 3, 4)
    width, height = anchors[..., 2] - anchors[..., 0], anchors[..., 3] - anchors[..., 1]
    assert height / width == pytest.approx(np.array(ASPECT_RATIOS)[:, None].repeat(3, 1), rel=1e-5)
    sides = 32 * 2.0 ** (np.arange(3) / 3)
    assert np.sqrt(width * height) == pytest.approx(sides[None].repeat(3, 0), rel=1e-5)


def test_the_square_of_the_base_size_by_hand():
    anchors = anchor_boxes((Level(8, 1, 1),))
    # Second ratio (1), first scale (1): 4 strides a side around (4, 4).
    assert anchors[3].tolist() == [-12, -12, 20, 20]
