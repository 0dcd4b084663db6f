"""VOC's average precision against cases computed by hand, for both rules."""

import numpy as np
import pytest
from box_cases import boxes

from models.errors import DataError
from models.scoring.voc_map import voc_average_precisions, voc_map

HERE, THERE, ELSEWHERE = (0, 0, 10, 10), (20, 20, 30, 30), (50, 50, 60, 60)


def test_everything_found_and_nothing_else_is_one():
    truth = [boxes(HERE, THERE, classes=[0, 1]), boxes()]
    for rule in ("07", "area"):
        assert voc_map(truth, truth, 2, rule) == 1


def test_nothing_found_is_zero():
    truth = [boxes(HERE), boxes(THERE)]
    for rule in ("07", "area"):
        assert voc_map([boxes(), boxes()], truth, 1, rule) == 0


def test_right_wrong_right_by_hand():
    """Precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1: the envelope is 1 up to a half, then 2/3."""
    truth = [boxes(HERE, THERE)]
    found = [boxes(HERE, ELSEWHERE, THERE, scores=[0.9, 0.8, 0.7])]
    assert voc_map(found, truth, 1) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert voc_map(found, truth, 1, "07") == pytest.approx((6 * 1 + 5 * 2 / 3) / 11)


def test_a_second_detection_of_one_object_is_wrong():
    truth = [boxes(HERE, THERE)]
    found = [boxes(HERE, HERE, THERE, scores=[0.9, 0.8, 0.7])]
    assert voc_map(found, truth, 1) == pytest.approx(0.5 + 0.5 * 2 / 3)


def test_the_surest_detections_come_first_across_images():
    truth = [boxes(HERE), boxes(HERE)]
    found = [boxes(ELSEWHERE, scores=[0.5]), boxes(HERE, scores=[0.9])]
    assert voc_map(found, truth, 1) == 0.5
    assert voc_map([boxes(ELSEWHERE, scores=[0.9]), boxes(HERE, scores=[0.5])], truth, 1) == 0.25


def test_difficult_objects_are_neither_missed_nor_found():
    truth = [boxes(HERE, THERE, difficult=[True, False])]
    # However often a difficult object is found, that is not wrong either.
    found = [boxes(HERE, HERE, THERE, scores=[0.9, 0.8, 0.7])]
    assert voc_map(found, truth, 1) == 1
    assert voc_map([boxes(THERE)], truth, 1) == 1


def test_half_an_overlap_is_enough_and_less_is_not():
    truth = [boxes((0, 0, 10, 10))]
    assert voc_map([boxes((0, 0, 10, 5))], truth, 1) == 1
    assert voc_map([boxes((0, 0, 10, 4.9))], truth, 1) == 0
    assert voc_map([boxes((0, 0, 0, 0))], [boxes((0, 0, 10, 10))], 1) == 0


def test_a_class_without_objects_is_no_part_of_the_mean():
    truth = [boxes(HERE, THERE, classes=[0, 2], difficult=[False, True])]
    found = [boxes(HERE, THERE, classes=[0, 1])]
    np.testing.assert_array_equal(voc_average_precisions(found, truth, 3), [1, np.nan, np.nan])
    assert voc_map(found, truth, 3) == 1


def test_a_box_of_another_class_is_wrong():
    truth = [boxes(HERE, THERE, classes=[0, 1])]
    found = [boxes(HERE, THERE, classes=[1, 1], scores=[0.9, 0.8])]
    np.testing.assert_array_equal(voc_average_precisions(found, truth, 2), [0, 0.5])


@pytest.mark.parametrize(
    ("found", "truth", "complaint"),
    [
        ([], [boxes(HERE)], "each of 1 images"),
        ([boxes()], [boxes(HERE, difficult=[True])], "at least one object"),
        ([boxes(HERE, classes=[5])], [boxes(HERE)], "classes from 0 to 1"),
        ([boxes(HERE)], [boxes(HERE, classes=[2])], "classes from 0 to 1"),
        ([boxes(HERE, scores=[float("nan")])], [boxes(HERE)], "NaN"),
        ([boxes(HERE, scores=[0.5, 0.5])], [boxes(HERE)], "boxes \\[n, 4\\]"),
    ],
)
def test_detections_that_do_not_belong_to_the_images_are_refused(found, truth, complaint):
    with pytest.raises(DataError, match=complaint):
        voc_map(found, truth, 2)
