"""Scores of a task from its network's outputs, image by image: the same code for PyTorch, host and device."""

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

_MANY_CLASSES = 100  # from which on top-5 says more than top-3
_SAME_BOX = 0.99  # IoU


class Scorer(Protocol):
    """Collects a network's answers for the images of a data set."""

    unit: str
    """What one prediction is about: an image, a pixel or an object."""

    def predict(self, outputs: Outputs, truths: Sequence[Any]) -> list[Any]:
        """The prediction for each image from the outputs for a batch, which may be filled up at the end."""

    def add(self, prediction: Any, truth: Any) -> None:
        """Count the prediction for one image."""

    def scores(self) -> dict[str, float]:
        """Each 0 to 1, over what was counted."""

    def same(self, prediction: Any, expected: Any) -> tuple[int, int]:
        """How many units of one image's `expected` prediction are as expected, and how many there are."""


class ClassificationScorer:
    """Logits [classes] of each image against class numbers."""

    unit = "image"

    def __init__(self, classes: int) -> None:
        """Score networks that tell `classes` classes apart."""
        self._k = 5 if classes >= _MANY_CLASSES else min(3, classes)
        self._logits: list[Array] = []
        self._labels: list[int] = []

    def predict(self, outputs: Outputs, truths: Sequence[int]) -> list[Array]:
        """Logits [N, classes] as one array for each image."""
        return list(outputs[0][: len(truths)])

    def add(self, prediction: Array, truth: int) -> None:
        """Count an image's logits."""
        self._logits.append(prediction)
        self._labels.append(truth)

    def scores(self) -> dict[str, float]:
        """`top1` and `top3`, or `top5` of a hundred classes and more."""
        logits, labels = np.stack(self._logits), np.array(self._labels)
        return {f"top{k}": topk(logits, labels, k) for k in (1, self._k)}

    def same(self, prediction: Array, expected: Array) -> tuple[int, int]:
        """Whether the classes are equal."""
        return int(prediction.argmax() == expected.argmax()), 1


class SegmentationScorer:
    """Masks of classes, uint8 [H, W], against masks uint8 [H, W], 255 where nothing is scored."""

    unit = "pixel"

    def __init__(self, classes: int) -> None:
        """Score networks that tell `classes` classes apart, the background among them."""
        self._matrix = ConfusionMatrix(classes)

    def predict(self, outputs: Outputs, truths: Sequence[Array]) -> list[Array]:
        """The masks that logits [N, H, W, classes] mean."""
        return list(outputs[0][: len(truths)].argmax(-1).astype(np.uint8))

    def add(self, prediction: Array, truth: Array) -> None:
        """Count an image's mask."""
        self._matrix.update(prediction, truth)

    def scores(self) -> dict[str, float]:
        """`miou` and `pixel_accuracy`, in the network's resolution."""
        return {"miou": self._matrix.mean_iou(), "pixel_accuracy": self._matrix.pixel_accuracy()}

    def same(self, prediction: Array, expected: Array) -> tuple[int, int]:
        """Pixels of the same class, unscored ones among them."""
        return int((prediction == expected).sum()), expected.size


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

    def predict(self, outputs: Outputs, truths: Sequence[ScaledObjects]) -> list[Detections]:
        """What was found in each image, in pixels of the originals."""
        return [
            dataclasses.replace(image, boxes=image.boxes * np.float32(scale))
            for image, (_, scale) in zip(decode(self._config, outputs), truths, strict=False)
        ]

    def add(self, prediction: Detections, truth: ScaledObjects) -> None:
        """Count what was found in an image."""
        self._found.append(prediction)
        self._truth.append(truth.truth)

    def scores(self) -> dict[str, float]:
        """COCO's `ap`, `ap50` and so on, and VOC's `voc_map` (area rule)."""
        classes = self._config.num_classes
        return coco_ap(self._found, self._truth, classes) | {
            "voc_map": voc_map(self._found, self._truth, classes)
        }

    def same(self, prediction: Detections, expected: Detections) -> tuple[int, int]:
        """Expected boxes that one of the same class overlaps with an IoU of at least 0.99."""
        count = 0
        for box, label in zip(expected.boxes, expected.classes, strict=True):
            overlaps = iou(box, prediction.boxes[prediction.classes == label])
            count += bool(overlaps.size and overlaps.max() >= _SAME_BOX)
        return count, len(expected)


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
