"""Average precision as COCO defines it, computed by COCO's own tool (pycocotools) from our detections."""

import contextlib
import io
from collections.abc import Sequence
from typing import Any

from models.scoring.boxes import Array, FoundBoxes, TrueBoxes, check_images

METRICS = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
"""Mean over IoU 0.50 to 0.95; at 0.50; at 0.75; and the mean for objects below 32^2, to 96^2, above."""


def coco_ap(found: Sequence[FoundBoxes], truth: Sequence[TrueBoxes], classes: int) -> dict[str, float]:
    """The six average precisions of COCO's table, 0 to 1, at 100 detections an image.

    Args:
        found: The detections of each image.
        truth: The objects of the same images, in the same order; `difficult` ones are crowds.
        classes: How many there are.

    Returns:
        A value for each of `METRICS`, but for sizes of which there is no object.

    Raises:
        DataError: The detections do not belong to these images, or there is no object to find.
    """
    from pycocotools.cocoeval import COCOeval

    check_images(found, truth, classes)
    with contextlib.redirect_stdout(io.StringIO()):  # the tool reports on stdout, which belongs to results
        evaluation = COCOeval(
            _index(_true_entries(truth), len(truth), classes),
            _index(_found_entries(found), len(truth), classes),
            "bbox",
        )
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    values = zip(METRICS, evaluation.stats, strict=False)
    return {name: float(value) for name, value in values if value >= 0}


def _index(annotations: list[dict[str, Any]], images: int, classes: int) -> Any:
    """These annotations in the tool's form; images and classes are numbered by their places in our lists."""
    from pycocotools.coco import COCO

    # From 1: the tool takes a match with annotation 0 for no match.
    for number, annotation in enumerate(annotations, start=1):
        annotation["id"] = number
    dataset = COCO()
    dataset.dataset = {
        "images": [{"id": number} for number in range(images)],
        "categories": [{"id": number} for number in range(classes)],
        "annotations": annotations,
    }
    dataset.createIndex()
    return dataset


def _true_entries(truth: Sequence[TrueBoxes]) -> list[dict[str, Any]]:
    return [
        _entry(image, box, label) | {"area": float(area), "iscrowd": int(crowd)}
        for image, true in enumerate(truth)
        for box, label, area, crowd in zip(true.boxes, true.classes, true.areas, true.difficult, strict=True)
    ]


def _found_entries(found: Sequence[FoundBoxes]) -> list[dict[str, Any]]:
    entries = [
        _entry(image, box, label) | {"score": float(score)}
        for image, detections in enumerate(found)
        for box, label, score in zip(detections.boxes, detections.classes, detections.scores, strict=True)
    ]
    for entry in entries:
        entry["area"] = entry["bbox"][2] * entry["bbox"][3]
    return entries


def _entry(image: int, box: Array, label: int) -> dict[str, Any]:
    x1, y1, x2, y2 = (float(value) for value in box)
    return {"image_id": image, "category_id": int(label), "bbox": [x1, y1, x2 - x1, y2 - y1]}
