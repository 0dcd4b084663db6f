"""What the detection scores read: found boxes, true boxes, and that both are of the same images."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from models.errors import DataError

Array = npt.NDArray[Any]


class FoundBoxes(Protocol):
    """The detections of one image, in any order."""

    @property
    def boxes(self) -> npt.NDArray[np.float32]:
        """x1, y1, x2, y2 in pixels of the original image, x2 and y2 exclusive; [n, 4]."""

    @property
    def scores(self) -> npt.NDArray[np.float32]:
        """How sure the detector is, larger is surer; [n]."""

    @property
    def classes(self) -> npt.NDArray[np.int64]:
        """Class numbers from 0; [n]."""


class TrueBoxes(Protocol):
    """The objects of one image."""

    @property
    def boxes(self) -> npt.NDArray[np.float32]:
        """x1, y1, x2, y2 in pixels, x2 and y2 exclusive; [n, 4]."""

    @property
    def classes(self) -> npt.NDArray[np.int64]:
        """Class numbers from 0; [n]."""

    @property
    def difficult(self) -> npt.NDArray[np.bool_]:
        """Objects that count neither as found nor as missed (VOC's `difficult`, COCO's `iscrowd`); [n]."""

    @property
    def areas(self) -> npt.NDArray[np.float32]:
        """Pixels of each object, by which COCO calls it small, medium or large; [n]."""


def check_images(found: Sequence[FoundBoxes], truth: Sequence[TrueBoxes], classes: int) -> None:
    """Refuse detections that do not belong to the images of `truth`.

    Raises:
        DataError: Another number of images, no true object to score by, a class out of range, or boxes or
            scores that are no numbers.
    """
    if len(found) != len(truth):
        raise DataError(
            f"expected detections for each of {len(truth)} images; got {len(found)}; give an empty one where "
            "nothing was found"
        )
    if not any((~true.difficult).any() for true in truth):
        raise DataError("expected at least one object to find; got none in all images; score labelled images")
    for index, image in enumerate(found):
        if image.boxes.shape != (len(image.scores), 4) or image.classes.shape != image.scores.shape:
            raise DataError(
                f"expected boxes [n, 4], scores [n] and classes [n] in image {index}; got "
                f"{image.boxes.shape}, {image.scores.shape} and {image.classes.shape}; correct the decoder"
            )
        if not (np.isfinite(image.boxes).all() and np.isfinite(image.scores).all()):
            raise DataError(
                f"expected numbers as boxes and scores in image {index}; got NaN or infinity; the model that "
                "computed them is broken"
            )
    for images in ([image.classes for image in found], [image.classes for image in truth]):
        for index, numbers in enumerate(images):
            if numbers.size and not 0 <= numbers.min() <= numbers.max() < classes:
                raise DataError(
                    f"expected classes from 0 to {classes - 1} in image {index}; got {numbers.min()} to "
                    f"{numbers.max()}; score with the data set that the model was trained on"
                )


def iou(box: Array, others: Array) -> Array:
    """Intersection over union of one box [4] with others [n, 4]; in [0, 1], 0 where neither has an area."""
    low = np.maximum(box[:2], others[:, :2])
    high = np.minimum(box[2:], others[:, 2:])
    intersection = (high - low).clip(0).prod(axis=1)
    union = (box[2:] - box[:2]).prod() + (others[:, 2:] - others[:, :2]).prod(axis=1) - intersection
    ratio: Array = np.divide(intersection, union, out=np.zeros_like(intersection), where=union > 0)
    return ratio
