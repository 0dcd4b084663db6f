"""Data sets of boxes, in COCO's layout or VOC's, as batches for a detector."""

import dataclasses
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from models.data.batches import DetectionBatch, collate_detection
from models.data.coco import CocoDetection
from models.data.samples import DetectionDataset, DetectionSample, DetectionTarget, Image
from models.data.transforms.detection import fit_square_with_boxes, random_resize_and_flip
from models.data.transforms.normalise import IMAGENET_MEAN, mean_colour
from models.data.voc import VocDetection
from models.training.detection import ObjectsToFind, ObjectsToLearn
from models.training.loader_feed import Split
from models.training.preset import Preset


def detection_splits(preset: Preset, root: Path, size: int) -> tuple[Split, Split]:
    """Both splits for a detector whose exported form reads squares of `size` pixels.

    Training images keep the scale of the square, their longer side as long as it, and are padded to the
    largest of their batch.

    Raises:
        DataError: The data set is missing, damaged or of another kind.
    """
    train: DetectionDataset
    test: DetectionDataset
    if preset.data == "coco":
        train = CocoDetection(root, preset.train_split, keep_empty=False)
        test = CocoDetection(root, preset.test_split)
    else:
        train, test = VocDetection(root, preset.train_split), VocDetection(root, preset.test_split)
    padding = mean_colour(IMAGENET_MEAN)
    resize = partial(random_resize_and_flip, shorter=(size,), longer=size, flip=preset.flip)
    square = partial(fit_square_with_boxes, size=size, padding=padding)
    return (
        Split(
            dataset=train,
            transform=resize,
            collate=partial(collate_detection, padding=padding),
            targets_of=_to_learn,
        ),
        Split(dataset=test, transform=_Squared(square), collate=_collate_found, targets_of=_to_find),
    )


class _Square(NamedTuple):
    """A test image as the network sees it, and its objects as they are scored."""

    image: Image
    truth: DetectionTarget
    scale: float


class _Squares(NamedTuple):
    """A batch of `_Square`: images uint8 NHWC as collated, float32 NCHW as fed."""

    images: torch.Tensor
    truth: list[DetectionTarget]
    scales: list[float]


@dataclasses.dataclass(frozen=True)
class _Squared:
    """Fits images into squares and remembers how much smaller that made them."""

    fit: Any

    def __call__(self, sample: DetectionSample, _generator: np.random.Generator) -> _Square:
        image = self.fit(sample).image
        return _Square(image, sample.target, max(sample.image.shape[:2]) / len(image))


def _collate_found(squares: Sequence[_Square]) -> _Squares:
    images = torch.from_numpy(np.stack([square.image for square in squares]))
    return _Squares(images, [square.truth for square in squares], [square.scale for square in squares])


def _to_learn(batch: DetectionBatch) -> ObjectsToLearn:
    height, width = batch.images.shape[2:]
    return ObjectsToLearn(batch.targets, (height, width))


def _to_find(batch: _Squares) -> ObjectsToFind:
    return ObjectsToFind(batch.truth, batch.scales)
