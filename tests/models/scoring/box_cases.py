"""Found and true boxes for the tests of detection scores, written as plain lists."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Boxes:
    boxes: np.ndarray
    classes: np.ndarray
    scores: np.ndarray
    difficult: np.ndarray
    areas: np.ndarray


def boxes(*rows, classes=None, scores=None, difficult=None):
    """One image's boxes; all of class 0, sure and not difficult unless given."""
    count = len(rows)
    array = np.array(rows, np.float32).reshape(-1, 4)
    return Boxes(
        array,
        np.zeros(count, np.int64) if classes is None else np.array(classes, np.int64),
        np.ones(count, np.float32) if scores is None else np.array(scores, np.float32),
        np.zeros(count, np.bool_) if difficult is None else np.array(difficult, np.bool_),
        (array[:, 2:] - array[:, :2]).prod(axis=1),
    )
