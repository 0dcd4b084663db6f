"""Mean intersection over union of segmentations, counted image by image."""

from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import DataError

IGNORED = 255
"""The mask's value for pixels that are not scored."""

Array = npt.NDArray[Any]


class ConfusionMatrix:
    """How many pixels of each true class (row) were called each class (column).

    Attributes:
        counts: int64 [classes, classes].
    """

    def __init__(self, classes: int) -> None:
        """Start with no pixels."""
        self.counts: npt.NDArray[np.int64] = np.zeros((classes, classes), np.int64)

    def update(self, predicted: Array, mask: Array) -> None:
        """Count the pixels of one image or batch; those whose mask is 255 do not count.

        Args:
            predicted: Class numbers, integers of any shape.
            mask: The true classes or 255, integers of the same shape.

        Raises:
            DataError: The shapes differ, or a class is out of range.
        """
        if predicted.shape != mask.shape:
            raise DataError(
                f"expected a prediction for each pixel of the mask; got {predicted.shape} and {mask.shape}; "
                "resize the prediction to the mask"
            )
        classes = len(self.counts)
        scored = mask != IGNORED
        truth, guess = mask[scored].astype(np.int64), predicted[scored].astype(np.int64)
        for name, values in (("mask", truth), ("prediction", guess)):
            if values.size and not 0 <= values.min() <= values.max() < classes:
                raise DataError(
                    f"expected classes from 0 to {classes - 1} in the {name}; got {values.min()} to "
                    f"{values.max()}; score with the data set that the model was trained on"
                )
        pairs = np.bincount(truth * classes + guess, minlength=classes * classes)
        self.counts += pairs.reshape(classes, classes)

    def iou(self) -> npt.NDArray[np.float64]:
        """Intersection over union of each class, 0 to 1; NaN for one that is in no mask and no prediction."""
        right = self.counts.diagonal().astype(np.float64)
        union = self.counts.sum(0) + self.counts.sum(1) - right
        ratio: npt.NDArray[np.float64] = np.divide(
            right, union, out=np.full(len(right), np.nan), where=union > 0
        )
        return ratio

    def mean_iou(self) -> float:
        """The mean over the classes that occur, background included, 0 to 1.

        Raises:
            DataError: No pixel was counted.
        """
        self._check_counted()
        return float(np.nanmean(self.iou()))

    def pixel_accuracy(self) -> float:
        """The share of scored pixels that were called their class, 0 to 1.

        Raises:
            DataError: No pixel was counted.
        """
        self._check_counted()
        return float(self.counts.diagonal().sum() / self.counts.sum())

    def _check_counted(self) -> None:
        if not self.counts.any():
            raise DataError("expected pixels to score; got only ignored ones; add labelled images")
