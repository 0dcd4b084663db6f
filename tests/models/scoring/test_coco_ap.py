"""COCO's average precision through its own tool, by cases whose value is known by hand."""

import numpy as np
import pytest
from box_cases import boxes

from models.errors import DataError
from models.scoring.coco_ap import coco_ap
from models.scoring.voc_map import voc_map

SMALL, MEDIUM, LARGE = (0, 0, 10, 10), (20, 20, 70, 70), (100, 100, 300, 300)


def test_everything_found_is_one_in_every_size():
    truth = [boxes(SMALL, MEDIUM, classes=[0, 1]), boxes(LARGE), boxes()]
    scores = coco_ap(truth, truth, 2)
    assert scores == pytest.approx(
        {"ap": 1, "ap50": 1, "ap75": 1, "ap_small": 1, "ap_medium": 1, "ap_large": 1}
    )


def test_nothing_found_is_zero_and_sizes_without_objects_are_left_out(capsys):
    assert coco_ap([boxes(), boxes()], [boxes(SMALL), boxes()], 1) == {
        "ap": 0, "ap50": 0, "ap75": 0, "ap_small": 0
    }  # fmt: skip
    assert capsys.readouterr().out == ""


def test_a_box_too_low_counts_at_the_overlaps_it_reaches():
    """IoU 0.8 reaches 7 of the 10 thresholds 0.50, 0.55, ..., 0.95."""
    scores = coco_ap([boxes((0, 0, 10, 8))], [boxes(SMALL)], 1)
    assert [scores[name] for name in ("ap", "ap50", "ap75")] == pytest.approx([0.7, 1, 1])


def test_boxes_in_a_crowd_are_not_wrong():
    truth = [boxes(LARGE, SMALL, difficult=[True, False])]
    found = [boxes((110, 110, 150, 150), (200, 200, 250, 250), SMALL, scores=[0.9, 0.8, 0.7])]
    assert coco_ap(found, truth, 1)["ap"] == pytest.approx(1)
    alone = [boxes(LARGE, SMALL)]
    assert coco_ap(found, alone, 1)["ap"] < 0.5


def test_both_tools_agree_at_half_an_overlap_on_seeded_boxes():
    """COCO takes 101 points of the curve and VOC its area: no more than a hundredth apart."""
    rng = np.random.default_rng(0)
    truth, found = [], []
    for _ in range(60):
        corners = rng.uniform(0, 200, (5, 2))
        rows = np.hstack([corners, corners + rng.uniform(40, 90, (5, 2))])
        classes = rng.integers(0, 2, 5)
        truth.append(boxes(*rows, classes=classes))
        guesses = rows + rng.normal(0, 9, rows.shape)
        found.append(boxes(*guesses, classes=classes, scores=rng.uniform(0, 1, 5)))
    by_coco, by_voc = coco_ap(found, truth, 2)["ap50"], voc_map(found, truth, 2)
    assert 0.3 < by_voc < 0.95
    assert by_coco == pytest.approx(by_voc, abs=0.01)


def test_detections_of_other_images_are_refused():
    with pytest.raises(DataError, match="each of 2 images"):
        coco_ap([boxes(SMALL)], [boxes(SMALL), boxes(SMALL)], 1)
