"""Puts samples together into batches of torch tensors, one kind of batch a task.

Batches are named tuples, because torch moves those between processes and into pinned memory as they are.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from models.data.samples import ClassificationSample, DetectionSample, Image, SegmentationSample
from models.data.transforms.resampling import Colour, pad_image
from models.errors import DataError


class ClassificationBatch(NamedTuple):
    """Images of one size and their classes.

    Attributes:
        images: float32 NCHW [N, 3, H, W] (as collated: uint8 NHWC).
        labels: int64 [N].
        names: The samples' names.
    """

    images: torch.Tensor
    labels: torch.Tensor
    names: list[str]


class SegmentationBatch(NamedTuple):
    """Images of one size and the class of each pixel.

    Attributes:
        images: float32 NCHW [N, 3, H, W] (as collated: uint8 NHWC).
        masks: int64 [N, H, W]; 255 where nothing is learnt or scored.
        names: The samples' names.
    """

    images: torch.Tensor
    masks: torch.Tensor
    names: list[str]


class BoxTargets(NamedTuple):
    """The objects of one image, see `DetectionTarget`: float32 [n, 4], int64 [n], bool [n], and the id."""

    boxes: torch.Tensor
    classes: torch.Tensor
    difficult: torch.Tensor
    image_id: int


class DetectionBatch(NamedTuple):
    """Images of several sizes as one tensor, and their objects.

    Attributes:
        images: float32 NCHW [N, 3, H, W] (as collated: uint8 NHWC), each padded at the bottom and on the
            right.
        targets: One for each image; boxes are in pixels of the padded image.
        sizes: Height and width of each image before padding, int64 [N, 2].
        names: The samples' names.
    """

    images: torch.Tensor
    targets: list[BoxTargets]
    sizes: torch.Tensor
    names: list[str]


Batch = ClassificationBatch | SegmentationBatch | DetectionBatch


def collate_classification(samples: Sequence[ClassificationSample]) -> ClassificationBatch:
    """Samples of one size; images stay uint8 NHWC.

    Raises:
        DataError: Sizes differ.
    """
    return ClassificationBatch(
        _stack([sample.image for sample in samples]),
        torch.tensor([sample.label for sample in samples]),
        [sample.name for sample in samples],
    )


def collate_segmentation(samples: Sequence[SegmentationSample]) -> SegmentationBatch:
    """Samples of one size; images stay uint8 NHWC.

    Raises:
        DataError: Sizes differ.
    """
    masks = _stack([sample.mask for sample in samples])
    names = [sample.name for sample in samples]
    return SegmentationBatch(_stack([sample.image for sample in samples]), masks.to(torch.int64), names)


def collate_detection(
    samples: Sequence[DetectionSample], *, padding: Colour, multiple_of: int = 32
) -> DetectionBatch:
    """Samples of any sizes, padded to the largest height and width; images stay uint8 NHWC.

    Args:
        samples: At least one.
        padding: Colour of what is padded.
        multiple_of: Height and width are rounded up to it, the network's greatest stride.
    """
    sizes = np.array([sample.image.shape[:2] for sample in samples])
    height, width = (-(-int(side) // multiple_of) * multiple_of for side in sizes.max(axis=0))
    targets = [
        BoxTargets(
            torch.tensor(sample.target.boxes),
            torch.tensor(sample.target.classes),
            torch.tensor(sample.target.difficult),
            sample.target.image_id,
        )
        for sample in samples
    ]
    images = _stack([pad_image(sample.image, height, width, padding) for sample in samples])
    return DetectionBatch(images, targets, torch.tensor(sizes), [sample.name for sample in samples])


def _stack(images: Sequence[Image]) -> torch.Tensor:
    shapes = {image.shape for image in images}
    if len(shapes) > 1:
        smallest, largest = min(shapes), max(shapes)
        raise DataError(
            f"expected images of one size in a batch; got {list(smallest)} and {list(largest)}; use a "
            "transform that crops or pads"
        )
    return torch.from_numpy(np.stack(images))
