"""FCOS's assignment of objects to locations, case by case, and against a naive loop."""

import math

import pytest
import torch
from box_objects import objects

from models.detection.fcos_targets import BACKGROUND, centerness_of, fcos_targets
from models.detection.levels import Level

# 64 x 64 pixels; with a reach of 3 the levels learn up to 24, up to 48, and all above.
LEVELS = (Level(8, 8, 8), Level(16, 4, 4), Level(32, 2, 2))
CPU = torch.device("cpu")


def _targets(*images):
    return fcos_targets(LEVELS, images, CPU, reach=3)


def _where(classes):
    return (classes != BACKGROUND).nonzero().flatten().tolist()


def test_only_locations_near_the_middle_learn_an_object():
    # Around (20, 20), 40 pixels wide: within 1.5 strides of 8 are 3 x 3 locations, 12 to 28.
    classes, distances, centerness = _targets(objects([0, 0, 40, 40], classes=[5]))
    # From all but the middle one the farthest side is 28 pixels away: more than the first level's 24.
    middle = 2 * 8 + 2
    assert _where(classes[0, :64]) == [middle] and classes[0, middle] == 5
    assert distances[0, middle].tolist() == [20, 20, 20, 20]
    assert centerness[0, middle] == 1
    # The second level learns it from (8, 8), (24, 8) and (8, 24), 32 away, but from (24, 24) it is 24 away.
    assert _where(classes[0, 64:80]) == [0, 1, 4]
    assert distances[0, 64].tolist() == [8, 8, 32, 32]
    assert centerness[0, 64].item() == pytest.approx(0.25)


def test_the_smaller_of_two_objects_wins():
    classes, distances, _ = _targets(objects([10, 10, 30, 30], [16, 16, 25, 25], classes=[1, 2]))
    place = 2 * 8 + 2
    assert classes[0, place] == 2
    assert distances[0, place].tolist() == [4, 4, 5, 5]


def test_the_last_level_has_no_limit():
    classes, _, _ = fcos_targets(LEVELS, [objects([-500, -500, 564, 564], classes=[3])], CPU, reach=3)
    assert _where(classes[0]) == [80, 81, 82, 83]


def test_images_without_objects_and_difficult_ones_are_background():
    batch = [objects(), objects([0, 0, 20, 20], difficult=[0]), objects([0, 0, 20, 20])]
    classes, distances, centerness = _targets(*batch)
    assert (classes[:2] == BACKGROUND).all() and not (classes[2] == BACKGROUND).all()
    assert classes.dtype == torch.int64 and distances.isfinite().all() and centerness.isfinite().all()


def test_centerness_by_hand():
    got = centerness_of(torch.tensor([[1.0, 1, 1, 1], [1, 1, 4, 1], [2, 1, 4, 4]]))
    assert got.tolist() == pytest.approx([1, 0.5, math.sqrt(0.5 * 0.25)])


def test_it_is_the_naive_loop():
    generator = torch.Generator().manual_seed(0)
    low = torch.rand(6, 2, generator=generator) * 50
    boxes = torch.cat([low, low + 4 + torch.rand(6, 2, generator=generator) * 40], 1)
    classes, distances, _ = _targets(objects(*boxes.tolist(), classes=range(6)))
    place = 0
    bounds = [(0, 24), (24, 48), (48, math.inf)]
    for level, (least, most) in zip(LEVELS, bounds, strict=True):
        for row in range(level.height):
            for column in range(level.width):
                x, y = (column + 0.5) * level.stride, (row + 0.5) * level.stride
                best, expected = math.inf, BACKGROUND
                for index, (x1, y1, x2, y2) in enumerate(boxes.tolist()):
                    sides = [x - x1, y - y1, x2 - x, y2 - y]
                    offset = max(abs(x - (x1 + x2) / 2), abs(y - (y1 + y2) / 2))
                    area = (x2 - x1) * (y2 - y1)
                    if min(sides) > 0 and least < max(sides) <= most and offset < 1.5 * level.stride:
                        if area < best:
                            best, expected = area, index
                            expected_sides = sides
                assert classes[0, place] == expected
                if expected != BACKGROUND:
                    assert distances[0, place].tolist() == pytest.approx(expected_sides, abs=1e-4)
                place += 1
    assert (classes >= 0).sum() > 10
