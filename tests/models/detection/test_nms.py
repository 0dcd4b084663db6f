"""Non-maximum suppression against a naive loop, and the intersection over union by hand."""

import numpy as np
import pytest

from models.detection.nms import iou, non_maximum_suppression


def _naive(boxes, scores, classes, max_iou, max_kept):
    kept = []
    for i in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        overlaps = False
        for j in kept:
            width = min(boxes[i][2], boxes[j][2]) - max(boxes[i][0], boxes[j][0])
            height = min(boxes[i][3], boxes[j][3]) - max(boxes[i][1], boxes[j][1])
            inside = max(width, 0) * max(height, 0)
            areas = [(boxes[k][2] - boxes[k][0]) * (boxes[k][3] - boxes[k][1]) for k in (i, j)]
            overlaps |= classes[i] == classes[j] and inside > max_iou * (sum(areas) - inside)
        if not overlaps:
            kept.append(i)
    return kept[:max_kept]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("max_kept", [7, 1000])
def test_it_is_the_naive_loop(seed, max_kept):
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 40, (150, 2))
    boxes = np.concatenate([corners, corners + rng.integers(1, 30, (150, 2))], 1).astype(np.float32)
    scores = (rng.integers(0, 50, 150) / 50).astype(np.float32)  # many are equal
    classes = rng.integers(0, 3, 150)
    kept = non_maximum_suppression(boxes, scores, classes, max_iou=0.45, max_kept=max_kept)
    assert kept.tolist() == _naive(boxes, scores, classes, 0.45, max_kept)


def test_nothing_gives_nothing():
    kept = non_maximum_suppression(
        np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64), max_iou=0.5, max_kept=9
    )
    assert kept.shape == (0,) and kept.dtype == np.int64


def test_overlap_of_exactly_the_limit_stays():
    boxes = np.array([[0, 0, 3, 1], [1, 0, 4, 1]], np.float32)  # 2 of 4
    scores, classes = np.array([0.9, 0.8], np.float32), np.zeros(2, np.int64)
    assert len(non_maximum_suppression(boxes, scores, classes, max_iou=0.5, max_kept=9)) == 2
    assert len(non_maximum_suppression(boxes, scores, classes, max_iou=0.49, max_kept=9)) == 1


def test_iou_by_hand():
    box = np.array([0, 0, 2, 2], np.float32)
    others = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [2, 0, 4, 2], [5, 5, 6, 6], [1, 1, 1, 1]], np.float32)
    np.testing.assert_allclose(iou(box, others), [1, 1 / 7, 0, 0, 0], rtol=1e-6)
    empty = np.zeros(4, np.float32)
    assert iou(empty, empty[None]).tolist() == [0]
