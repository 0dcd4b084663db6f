"""Non-maximum suppression: of boxes of one class that overlap, the best one stays."""

import numpy as np
import numpy.typing as npt


def non_maximum_suppression(
    boxes: npt.NDArray[np.float32],
    scores: npt.NDArray[np.float32],
    classes: npt.NDArray[np.int64],
    *,
    max_iou: float,
    max_kept: int,
) -> npt.NDArray[np.int64]:
    """Choose boxes greedily by falling score; equal scores go by index.

    Args:
        boxes: x1, y1, x2, y2; [n, 4].
        scores: [n].
        classes: [n]; boxes of different classes do not suppress each other.
        max_iou: A box goes if its intersection over union with a chosen one is greater.
        max_kept: Stop after so many.

    Returns:
        Indices of the chosen boxes by falling score, at most `max_kept`.
    """
    waiting = np.argsort(-scores, kind="stable")
    kept: list[np.int64] = []
    while len(waiting) and len(kept) < max_kept:
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        duplicates = (classes[waiting] == classes[best]) & (iou(boxes[best], boxes[waiting]) > max_iou)
        waiting = waiting[~duplicates]
    return np.array(kept, np.int64)


def iou(box: npt.NDArray[np.float32], others: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Intersection over union of a box [4] with each of `others` [n, 4]; 0 where both are empty."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    intersection = np.prod(np.maximum(high - low, 0), axis=1)
    union = np.prod(box[2:] - box[:2]) + np.prod(others[:, 2:] - others[:, :2], axis=1) - intersection
    quotient: npt.NDArray[np.float32] = intersection / np.where(union > 0, union, 1)
    return quotient
