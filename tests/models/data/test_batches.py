"""Collation: shapes, types, padding, and what does not fit together."""

import numpy as np
import pytest
import torch

from models.data.batches import collate_classification, collate_detection, collate_segmentation
from models.data.samples import ClassificationSample, DetectionSample, DetectionTarget, SegmentationSample
from models.errors import DataError


def image(height: int, width: int, value: int = 5) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def test_classification() -> None:
    batch = collate_classification([ClassificationSample(image(2, 3)[:, ::-1], n, str(n)) for n in (4, 5)])
    assert (batch.images.shape, batch.images.dtype) == ((2, 2, 3, 3), torch.uint8)
    assert (batch.labels.tolist(), batch.labels.dtype, batch.names) == ([4, 5], torch.int64, ["4", "5"])


def test_segmentation() -> None:
    batch = collate_segmentation([SegmentationSample(image(2, 3), np.full((2, 3), 255, np.uint8), "x")] * 2)
    assert (batch.masks.shape, batch.masks.dtype, batch.masks.max()) == ((2, 2, 3), torch.int64, 255)


def test_images_of_several_sizes_are_refused() -> None:
    with pytest.raises(DataError, match="one size"):
        collate_classification([ClassificationSample(image(2, side), 0, "x") for side in (3, 4)])


def sample(height: int, width: int, objects: int) -> DetectionSample:
    target = DetectionTarget(
        boxes=np.arange(4 * objects, dtype=np.float32).reshape(-1, 4),
        classes=np.arange(objects),
        difficult=np.zeros(objects, bool),
        areas=np.ones(objects, np.float32),
        image_id=objects,
    )
    return DetectionSample(image(height, width), target, f"{objects}")


def test_detection_pads_to_the_largest_and_to_the_stride() -> None:
    batch = collate_detection([sample(3, 40, 0), sample(20, 10, 2)], padding=(1, 2, 3), multiple_of=16)
    assert batch.images.shape == (2, 32, 48, 3)
    assert batch.images[0, 2, 39].tolist() == [5, 5, 5]
    assert batch.images[0, 3, 0].tolist() == batch.images[1, 0, 10].tolist() == [1, 2, 3]
    assert batch.sizes.tolist() == [[3, 40], [20, 10]]
    assert [(tuple(t.boxes.shape), t.image_id) for t in batch.targets] == [((0, 4), 0), ((2, 4), 2)]
    assert (batch.targets[1].classes.dtype, batch.targets[1].difficult.dtype) == (torch.int64, torch.bool)
