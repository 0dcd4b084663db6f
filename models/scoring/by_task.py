"""Scores of a task from its network's outputs, batch by batch: the same code for PyTorch, host and device."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from models.detection.config import DetectionConfig
from models.detection.decode import decode
from models.detection.detections import Detections
from models.errors import DataError
from models.scoring.boxes import TrueBoxes, iou
from models.scoring.coco_ap import coco_ap
from models.scoring.miou import ConfusionMatrix
from models.scoring.topk import topk
from models.scoring.voc_map import voc_map
from models.task_config import NetworkConfig

Array = npt.NDArray[Any]
Outputs = Sequence[Array]
"""What a network returns for a batch, every array [N, ...]; images are NHWC."""
Rows = Sequence[Any] | Array
"""One entry for each image of a batch: an array [N, ...] where all are alike, else a list."""

_MANY_CLASSES = 100  # from which on top-5 says more than top-3
_SAME_BOX = 0.99  # IoU


class Scorer(Protocol):
    """Collects a network's answers for the images of a data set."""

    unit: str
    """What one prediction is about: an image, a pixel or an object."""

    def predict(self, outputs: Outputs, truths: Rows) -> Rows:
        """The prediction for each image of a batch, whose outputs may be filled up at the end."""

    def add(self, predictions: Rows, truths: Rows) -> None:
        """Count the predictions for a batch."""

    def scores(self) -> dict[str, float]:
        """Each 0 to 1, over what was counted."""

    def same(self, predictions: Rows, expected: Rows) -> npt.NDArray[np.int64]:
        """By image the units of `expected` that are predicted, and how many there are, [N, 2]."""


class ClassificationScorer:
    """Logits [N, classes] against class numbers [N]."""

    unit = "image"

    def __init__(self, classes: int) -> None:
        """Score networks that tell `classes` classes apart."""
        self._k = 5 if classes >= _MANY_CLASSES else min(3, classes)
        self._logits: list[Array] = []
        self._labels: list[Array] = []

    def predict(self, outputs: Outputs, truths: Rows) -> Array:
        """The logits [N, classes]."""
        return outputs[0][: len(truths)]

    def add(self, predictions: Rows, truths: Rows) -> None:
        """Count a batch's logits."""
        self._logits.append(np.asarray(predictions))
        self._labels.append(np.asarray(truths))

    def scores(self) -> dict[str, float]:
        """`top1` and `top3`, or `top5` of a hundred classes and more."""
        logits, labels = np.concatenate(self._logits), np.concatenate(self._labels)
        return {f"top{k}": topk(logits, labels, k) for k in (1, self._k)}

    def same(self, predictions: Rows, expected: Rows) -> npt.NDArray[np.int64]:
        """Whether the classes are equal."""
        equal = np.argmax(predictions, axis=1) == np.argmax(expected, axis=1)
        return np.stack([equal, np.ones_like(equal)], axis=1).astype(np.int64)


class SegmentationScorer:
    """Masks of classes, uint8 [N, H, W], against masks uint8 [N, H, W], 255 where nothing is scored."""

    unit = "pixel"

    def __init__(self, classes: int) -> None:
        """Score networks that tell `classes` classes apart, the background among them."""
        self._matrix = ConfusionMatrix(classes)

    def predict(self, outputs: Outputs, truths: Rows) -> Array:
        """The masks that logits [N, H, W, classes] mean."""
        masks: Array = outputs[0][: len(truths)].argmax(-1).astype(np.uint8)
        return masks

    def add(self, predictions: Rows, truths: Rows) -> None:
        """Count a batch's masks."""
        self._matrix.update(np.asarray(predictions), np.asarray(truths))

    def scores(self) -> dict[str, float]:
        """`miou` and `pixel_accuracy`, in the network's resolution."""
        return {"miou": self._matrix.mean_iou(), "pixel_accuracy": self._matrix.pixel_accuracy()}

    def same(self, predictions: Rows, expected: Rows) -> npt.NDArray[np.int64]:
        """Pixels of the same class, unscored ones among them."""
        equal = (np.asarray(predictions) == np.asarray(expected)).reshape(len(expected), -1)
        return np.stack([equal.sum(1), np.full(len(equal), equal.shape[1])], axis=1).astype(np.int64)


class ScaledObjects(NamedTuple):
    """The objects of an image.

    Attributes:
        truth: In pixels of the original.
        scale: Pixels of the original for each pixel of the network's input.
    """

    truth: TrueBoxes
    scale: float


class DetectionScorer:
    """A detector's raw outputs against the objects of each image."""

    unit = "object"

    def __init__(self, config: DetectionConfig) -> None:
        """Score the detector of `config`."""
        self._config = config
        self._found: list[Detections] = []
        self._truth: list[TrueBoxes] = []

    def predict(self, outputs: Outputs, truths: Rows) -> list[Detections]:
        """What was found in each image, in pixels of the originals."""
        return [
            dataclasses.replace(image, boxes=image.boxes * np.float32(scale))
            for image, (_, scale) in zip(decode(self._config, outputs), truths, strict=False)
        ]

    def add(self, predictions: Rows, truths: Rows) -> None:
        """Count what was found in the images of a batch."""
        self._found += predictions
        self._truth += [objects.truth for objects in truths]

    def scores(self) -> dict[str, float]:
        """COCO's `ap`, `ap50` and so on, and VOC's `voc_map` (area rule)."""
        classes = self._config.num_classes
        return coco_ap(self._found, self._truth, classes) | {
            "voc_map": voc_map(self._found, self._truth, classes)
        }

    def same(self, predictions: Rows, expected: Rows) -> npt.NDArray[np.int64]:
        """Expected boxes that one of the same class overlaps with an IoU of at least 0.99."""
        counts = [
            (_overlapped(mine, theirs), len(theirs))
            for mine, theirs in zip(predictions, expected, strict=True)
        ]
        return np.array(counts, np.int64).reshape(-1, 2)


def _overlapped(found: Detections, expected: Detections) -> int:
    count = 0
    for box, label in zip(expected.boxes, expected.classes, strict=True):
        overlaps = iou(box, found.boxes[found.classes == label])
        count += bool(overlaps.size and overlaps.max() >= _SAME_BOX)
    return count


def make_scorer(config: NetworkConfig) -> Scorer:
    """The scorer of a network's task.

    Raises:
        DataError: There is none for that task.
    """
    if isinstance(config, DetectionConfig):
        return DetectionScorer(config)
    if config.task == "segmentation":
        return SegmentationScorer(config.num_classes)
    if config.task == "classification":
        return ClassificationScorer(config.num_classes)
    raise DataError(f"expected a network of a task that has scores; got {config.task!r}; score it yourself")
