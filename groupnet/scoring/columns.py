"""Predictions and truths of several images as a few arrays that a file can hold, and back."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from models.data.samples import DetectionTarget
from models.detection.detections import Detections
from models.scoring.by_task import Rows, ScaledObjects

Array = npt.NDArray[Any]
Columns = dict[str, Array]


def pack_predictions(task: str, predictions: Rows) -> Columns:
    """Arrays of what `Scorer.predict` gives for the images of a batch, one at least.

    Args:
        task: `classification` (logits), `segmentation` (masks) or `detection` (`Detections`).
        predictions: One for each image.
    """
    if task != "detection":
        return {"rows": np.asarray(predictions)}
    return _joined(predictions, ("boxes", "scores", "classes"))


def unpack_predictions(task: str, columns: Mapping[str, Array]) -> Rows:
    """What `pack_predictions` was given; raises KeyError, ValueError, IndexError for other columns."""
    if task != "detection":
        return columns["rows"]
    return [Detections(*fields) for fields in _parted(columns, ("boxes", "scores", "classes"))]


def pack_truths(task: str, truths: Rows) -> Columns:
    """Arrays of what is true of the images of a batch: class numbers, masks or `ScaledObjects`."""
    if task != "detection":
        return {"rows": np.asarray(truths)}
    columns = _joined([objects.truth for objects in truths], _OBJECTS)
    columns["scales"] = np.array([objects.scale for objects in truths], np.float64)
    columns["ids"] = np.array([objects.truth.image_id for objects in truths], np.int64)
    return columns


def unpack_truths(task: str, columns: Mapping[str, Array]) -> Rows:
    """What `pack_truths` was given; raises KeyError, ValueError, IndexError for other columns."""
    if task != "detection":
        return columns["rows"]
    return [
        ScaledObjects(DetectionTarget(boxes, classes, difficult, areas, int(number)), float(scale))
        for (boxes, classes, difficult, areas), number, scale in zip(
            _parted(columns, _OBJECTS), columns["ids"], columns["scales"], strict=True
        )
    ]


_OBJECTS = ("boxes", "classes", "difficult", "areas")


def _joined(images: Rows, fields: tuple[str, ...]) -> Columns:
    columns = {field: np.concatenate([getattr(image, field) for image in images]) for field in fields}
    return columns | {"counts": np.array([len(image.classes) for image in images], np.int64)}


def _parted(columns: Mapping[str, Array], fields: tuple[str, ...]) -> list[tuple[Array, ...]]:
    ends = np.cumsum(columns["counts"])[:-1]
    return list(zip(*(np.split(columns[field], ends) for field in fields), strict=True))
