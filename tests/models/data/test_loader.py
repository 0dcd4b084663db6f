"""Epochs: the same batches whatever the number of workers, at any epoch, on all processes."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from models.data.batches import (
    ClassificationBatch,
    DetectionBatch,
    SegmentationBatch,
    collate_classification,
    collate_detection,
    collate_segmentation,
)
from models.data.loader import Loader
from models.data.order import Order
from models.data.samples import ClassificationSample, DetectionSample, SegmentationSample
from models.data.transforms.detection import random_resize_and_flip
from models.data.transforms.segmentation import random_scale_crop_and_flip
from models.data.voc import VocDetection, VocSegmentation
from models.errors import DataError

MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)


class Numbers:
    """Twenty images, each of one value; those from 13 on can be faulty."""

    def __init__(self, *, faulty: bool = False) -> None:
        self.faulty = faulty

    def __len__(self) -> int:
        return 20

    def __getitem__(self, index: int) -> ClassificationSample:
        if self.faulty and index > 12:
            raise DataError("expected 13; got damage; copy it again")
        return ClassificationSample(np.full((2, 3, 3), index, np.uint8), index, str(index))


def add_noise(sample: ClassificationSample, rng: np.random.Generator) -> ClassificationSample:
    return replace(sample, image=sample.image + rng.integers(0, 100, sample.image.shape, np.uint8))


def loader(workers: int, dataset: Numbers | None = None) -> Loader[ClassificationSample, ClassificationBatch]:
    order = Order(images=20, batch_size=3, seed=1, training=True)
    return Loader(
        dataset or Numbers(), add_noise, collate_classification, order, workers=workers, mean=MEAN, std=STD
    )


def test_workers_and_earlier_epochs_change_nothing() -> None:
    alone, shared = loader(0), loader(2)
    for epoch in (0, 1):
        expected, got = (list(one.epoch(epoch)) for one in (alone, shared))
        assert len(expected) == len(got) == len(alone) == 6
        for a, b in zip(expected, got, strict=True):
            assert a.names == b.names
            assert torch.equal(a.images, b.images)
    resumed = next(iter(loader(0).epoch(1)))
    assert torch.equal(resumed.images, expected[0].images)


def test_augmentation_differs_between_epochs() -> None:
    one = loader(0)
    images = {}
    for epoch in (0, 1):
        for batch in one.epoch(epoch):
            for name, image in zip(batch.names, batch.images, strict=True):
                images.setdefault(name, []).append(image)
    twice = [pair for pair in images.values() if len(pair) == 2]
    assert twice
    assert not any(torch.equal(*pair) for pair in twice)


def test_images_are_normalised_nchw() -> None:
    batch = next(iter(loader(0).epoch(0)))
    assert (batch.images.shape, batch.images.dtype) == ((3, 3, 2, 3), torch.float32)
    pixels = (batch.images * 0.25 + 0.5) * 255
    assert torch.allclose(pixels, pixels.round(), atol=1e-3)
    assert batch.labels.tolist() == [int(name) for name in batch.names]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_faulty_file_is_one_clean_error(workers: int) -> None:
    with pytest.raises(DataError) as raised:
        list(loader(workers, Numbers(faulty=True)).epoch(0))
    assert str(raised.value) == "expected 13; got damage; copy it again"


def test_samples_that_do_not_stack_are_one_clean_error() -> None:
    def grow(sample: ClassificationSample, _rng: np.random.Generator) -> ClassificationSample:
        return replace(sample, image=np.zeros((2 + sample.label, 3, 3), np.uint8))

    order = Order(images=20, batch_size=3, seed=1, training=False)
    bad: Loader[ClassificationSample, ClassificationBatch] = Loader(
        Numbers(), grow, collate_classification, order
    )
    with pytest.raises(DataError, match="one size"):
        list(bad.epoch(0))


def test_voc_feeds_both_tasks(voc: Path) -> None:
    order = Order(images=2, batch_size=2, seed=0, training=True)
    boxes: Loader[DetectionSample, DetectionBatch] = Loader(
        VocDetection(voc, "train"),
        partial(random_resize_and_flip, shorter=(32,), longer=64),
        partial(collate_detection, padding=(0, 0, 0)),
        order,
    )
    (found,) = boxes.epoch(0)
    assert found.images.shape == (2, 3, 32, 64)
    assert sorted(len(target.boxes) for target in found.targets) == [0, 2]
    masks: Loader[SegmentationSample, SegmentationBatch] = Loader(
        VocSegmentation(voc, "train"),
        partial(random_scale_crop_and_flip, padding=(0, 0, 0), base=16, crop=20),
        collate_segmentation,
        order,
    )
    (labelled,) = masks.epoch(0)
    assert labelled.masks.shape == (2, 20, 20)
    assert set(labelled.masks.unique().tolist()) <= {0, 8, 255}
