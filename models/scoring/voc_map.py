"""Mean average precision as PASCAL VOC defines it (Everingham et al., IJCV 2010 and 2015).

A detection is right if its IoU with the object it overlaps most, among those of its class, is at least 0.5
and no surer detection took that object already. A detection of a `difficult` object is neither right nor
wrong.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from models.scoring.boxes import Array, FoundBoxes, TrueBoxes, check_images, iou

Rule = Literal["07", "area"]
"""`07` is the mean of 11 precisions (VOC 2007); `area` is the area below the curve (VOC 2010 and later)."""

_OVERLAP = 0.5


def voc_map(
    found: Sequence[FoundBoxes], truth: Sequence[TrueBoxes], classes: int, rule: Rule = "area"
) -> float:
    """The mean over classes of `voc_average_precisions`, 0 to 1; classes without objects do not count.

    Raises:
        DataError: The detections do not belong to these images, or there is no object to find.
    """
    return float(np.nanmean(voc_average_precisions(found, truth, classes, rule)))


def voc_average_precisions(
    found: Sequence[FoundBoxes], truth: Sequence[TrueBoxes], classes: int, rule: Rule = "area"
) -> npt.NDArray[np.float64]:
    """Average precision of each class, 0 to 1; NaN for a class without an object that is not difficult.

    Args:
        found: The detections of each image.
        truth: The objects of the same images, in the same order.
        classes: How many there are.
        rule: How the curve becomes a number.

    Raises:
        DataError: The detections do not belong to these images, or there is no object to find.
    """
    check_images(found, truth, classes)
    return np.array([_average_precision(found, truth, number, rule) for number in range(classes)])


def _average_precision(
    found: Sequence[FoundBoxes], truth: Sequence[TrueBoxes], class_number: int, rule: Rule
) -> float:
    objects = [true.boxes[true.classes == class_number] for true in truth]
    difficult = [true.difficult[true.classes == class_number] for true in truth]
    positives = sum(int((~flags).sum()) for flags in difficult)
    if positives == 0:
        return float("nan")
    right, wrong = _judge(found, objects, difficult, class_number)
    recall = np.cumsum(right) / positives
    precision = np.cumsum(right) / np.maximum(np.cumsum(right) + np.cumsum(wrong), 1)
    return _eleven_points(recall, precision) if rule == "07" else _area(recall, precision)


def _judge(
    found: Sequence[FoundBoxes], objects: Sequence[Array], difficult: Sequence[Array], class_number: int
) -> tuple[Array, Array]:
    """For each detection of a class, surest first: is it right, is it wrong (bool [n] each)."""
    mine = [image.classes == class_number for image in found]
    scores = np.concatenate([image.scores[chosen] for image, chosen in zip(found, mine, strict=True)])
    boxes = np.concatenate([image.boxes[chosen] for image, chosen in zip(found, mine, strict=True)])
    images = np.repeat(np.arange(len(found)), [int(chosen.sum()) for chosen in mine])
    taken = [np.zeros(len(image), np.bool_) for image in objects]
    order = np.argsort(-scores, kind="stable")
    right, wrong = np.zeros(len(order), np.bool_), np.zeros(len(order), np.bool_)
    for place, index in enumerate(order):
        image = images[index]
        overlaps = iou(boxes[index], objects[image])
        best = int(overlaps.argmax()) if overlaps.size else -1
        if best < 0 or overlaps[best] < _OVERLAP:
            wrong[place] = True
        elif not difficult[image][best]:
            wrong[place] = taken[image][best]
            right[place] = not taken[image][best]
            taken[image][best] = True
    return right, wrong


def _eleven_points(recall: Array, precision: Array) -> float:
    """The mean of the best precisions at a recall of at least 0, 0.1, ..., 1."""
    # Tenths as in k / 10, so that a recall of exactly 3 of 10 reaches the threshold 0.3.
    best = [precision[recall >= tenth / 10].max(initial=0.0) for tenth in range(11)]
    return float(np.mean(best))


def _area(recall: Array, precision: Array) -> float:
    """The area below the curve after each precision is raised to the best one at a higher recall."""
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((np.diff(recall, prepend=0.0) * envelope).sum())
