"""What a device answered for several images at once, and for one of them."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from models.scoring.by_task import Rows

Array = npt.NDArray[Any]


class Answer(NamedTuple):
    """One image.

    Attributes:
        image: Its number in the data set.
        found: The device's prediction, as the task's scorer makes it.
        truth: What is true.
        expected: PyTorch's prediction; None without PyTorch.
        difference: Largest difference of an output from PyTorch's; NaN without PyTorch.
        same: Units of the prediction that are PyTorch's, and how many there are; (0, 0) without.
        device: Which device it was, where there are several.
    """

    image: int
    found: Any
    truth: Any
    expected: Any
    difference: float
    same: tuple[int, int]
    device: str


@dataclass(frozen=True, eq=False)
class AnswerBatch:
    """Several images in columns: work on each one alone would take longer than a small network computes.

    Attributes:
        images: Their numbers in the data set, int64 [N].
        found: The device's predictions.
        truth: What is true.
        expected: PyTorch's predictions; None without PyTorch.
        difference: Largest difference of an output from PyTorch's, float64 [N]; NaN without PyTorch.
        same: Units of the prediction that are PyTorch's, and how many there are, int64 [N, 2]; 0 without.
        device: Which device it was, str [N].
    """

    images: npt.NDArray[np.int64]
    found: Rows
    truth: Rows
    expected: Rows | None
    difference: npt.NDArray[np.float64]
    same: npt.NDArray[np.int64]
    device: npt.NDArray[np.str_]

    def __len__(self) -> int:
        """Number of images."""
        return len(self.images)

    def one(self, row: int) -> Answer:
        """The answer for the image in this row."""
        truth = self.truth[row]
        same, units = self.same[row].tolist()
        return Answer(
            int(self.images[row]),
            self.found[row],
            truth.item() if isinstance(truth, np.integer) else truth,
            None if self.expected is None else self.expected[row],
            float(self.difference[row]),
            (same, units),
            str(self.device[row]),
        )

    def take(self, rows: npt.NDArray[np.intp]) -> "AnswerBatch":
        """The images in these rows, in that order."""
        return AnswerBatch(
            self.images[rows],
            _take(self.found, rows),
            _take(self.truth, rows),
            None if self.expected is None else _take(self.expected, rows),
            self.difference[rows],
            self.same[rows],
            self.device[rows],
        )


def _take(entries: Rows, rows: npt.NDArray[np.intp]) -> Rows:
    return entries[rows] if isinstance(entries, np.ndarray) else [entries[row] for row in rows]
