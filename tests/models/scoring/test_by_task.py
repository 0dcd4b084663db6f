"""Scorers: it does not matter how images are batched, and what counts as the same."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from models.data.samples import DetectionTarget
from models.detection.detections import Detections
from models.registry import config_of
from models.scoring.by_task import (
    ClassificationScorer,
    DetectionScorer,
    ScaledObjects,
    Scorer,
    SegmentationScorer,
)

COUNT = 12


def detector() -> DetectionScorer:
    return DetectionScorer(config_of("groupnet_shapes_fcos").replace(num_classes=3))


def objects(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    corners = rng.integers(0, 40, (count, 2)).astype(np.float32)
    return np.concatenate(
        [corners, corners + 10 + rng.random((count, 2)).astype(np.float32)], 1
    ), rng.integers(0, 3, count)


def answers(task: str) -> tuple[Scorer, Sequence[Any], Sequence[Any]]:
    """A scorer, predictions and truths of `COUNT` images."""
    rng = np.random.default_rng(0)
    if task == "classification":
        return ClassificationScorer(10), rng.random((COUNT, 10), np.float32), rng.integers(0, 10, COUNT)
    if task == "segmentation":
        truths = rng.integers(0, 4, (COUNT, 8, 8), np.uint8)
        truths[:, 0] = 255
        return SegmentationScorer(4), rng.integers(0, 4, (COUNT, 8, 8), np.uint8), truths
    found, truths = [], []
    for number in range(COUNT):
        boxes, classes = objects(rng, number % 4)
        target = DetectionTarget(boxes, classes, classes > 5, (boxes[:, 2] - boxes[:, 0]) ** 2, number)
        truths.append(ScaledObjects(target, 1.0))
        found.append(Detections(boxes + 1, rng.random(len(boxes), np.float32), classes))
    return detector(), found, truths


@pytest.mark.parametrize("task", ["classification", "segmentation", "detection"])
def test_it_does_not_matter_how_images_are_batched(task: str) -> None:
    scores = []
    for size in (1, 5, COUNT):
        scorer, predictions, truths = answers(task)
        for start in range(0, COUNT, size):
            scorer.add(predictions[start : start + size], truths[start : start + size])
        scores.append(scorer.scores())
    assert scores[0] == scores[1] == scores[2]
    assert 0 < next(iter(scores[0].values())) < 1


@pytest.mark.parametrize("task", ["classification", "segmentation", "detection"])
def test_the_same_is_counted_by_image(task: str) -> None:
    scorer, predictions, _ = answers(task)
    units = [1 if task == "classification" else 64 if task == "segmentation" else n % 4 for n in range(COUNT)]
    assert scorer.same(predictions, predictions).tolist() == [[count, count] for count in units]
    backwards = predictions[::-1]
    one_by_one = [scorer.same(backwards[n : n + 1], predictions[n : n + 1])[0].tolist() for n in range(COUNT)]
    assert scorer.same(backwards, predictions).tolist() == one_by_one
    assert [of for _, of in one_by_one] == units and any(same < of for same, of in one_by_one)


def test_outputs_that_fill_a_batch_up_are_cut_off() -> None:
    logits = np.arange(40, dtype=np.float32).reshape(4, 10)
    assert np.array_equal(ClassificationScorer(10).predict([logits], [1, 2, 3]), logits[:3])
    maps = np.zeros((4, 2, 2, 3), np.float32)
    maps[..., 2] = 1
    masks = SegmentationScorer(3).predict([maps], [None])
    assert masks.shape == (1, 2, 2) and masks.dtype == np.uint8 and (masks == 2).all()
