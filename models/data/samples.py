"""The vocabulary of all data sets: images, targets, samples, and what a data set offers.

Pixel coordinates are continuous: pixel (column x, row y) covers [x, x + 1) by [y, y + 1), so a box of the
whole image is (0, 0, width, height).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]
"""RGB, uint8 [H, W, 3]."""

Mask = npt.NDArray[np.uint8]
"""A class index for each pixel, uint8 [H, W]; 0 is background, `IGNORE` is not scored and not learnt."""

IGNORE = 255
BACKGROUND = "background"


@dataclass(frozen=True, eq=False)
class ClassificationSample:
    """One image and its class.

    Attributes:
        image: uint8 RGB [H, W, 3].
        label: Index into the data set's classes.
        name: The file, as a path below the data set's root.
    """

    image: Image
    label: int
    name: str


@dataclass(frozen=True, eq=False)
class SegmentationSample:
    """One image with a class for each pixel.

    Attributes:
        image: uint8 RGB [H, W, 3].
        mask: uint8 [H, W]: index into the data set's classes (0 is background), or `IGNORE`.
        name: The image's id in its data set.
    """

    image: Image
    mask: Mask
    name: str


@dataclass(frozen=True, eq=False)
class DetectionTarget:
    """The objects of one image.

    Attributes:
        boxes: x1, y1, x2, y2 in pixels, x2 and y2 exclusive; float32 [n, 4].
        classes: Indices into the data set's classes, from 0; int64 [n].
        difficult: Objects that are neither learnt nor scored (VOC's `difficult`, COCO's `iscrowd`); bool [n].
        areas: Pixels that each object covers (COCO: of its mask, VOC: of its box); float32 [n].
        image_id: COCO's id of the image; in VOC the place in the list of images.
    """

    boxes: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]
    difficult: npt.NDArray[np.bool_]
    areas: npt.NDArray[np.float32]
    image_id: int

    def __len__(self) -> int:
        """Number of objects, difficult ones included."""
        return len(self.boxes)


@dataclass(frozen=True, eq=False)
class DetectionSample:
    """One image and its objects.

    Attributes:
        image: uint8 RGB [H, W, 3].
        target: Its objects, possibly none.
        name: The image's id (VOC) or file name (COCO).
    """

    image: Image
    target: DetectionTarget
    name: str


class ClassificationDataset(Protocol):
    """Images with one class each; an image is decoded when it is asked for."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        ...

    def __len__(self) -> int:
        """Number of images."""
        ...

    def __getitem__(self, index: int) -> ClassificationSample:
        """Decode image `index`."""
        ...


class SegmentationDataset(Protocol):
    """Images with a class for each pixel; class 0 is `BACKGROUND`."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, background first."""
        ...

    def __len__(self) -> int:
        """Number of images."""
        ...

    def __getitem__(self, index: int) -> SegmentationSample:
        """Decode image and mask `index`."""
        ...


class DetectionDataset(Protocol):
    """Images with objects in boxes."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes; background is none of them."""
        ...

    def __len__(self) -> int:
        """Number of images."""
        ...

    def __getitem__(self, index: int) -> DetectionSample:
        """Decode image `index`."""
        ...

    def target(self, index: int) -> DetectionTarget:
        """The objects of image `index`, without decoding it."""
        ...
