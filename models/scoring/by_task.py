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

    def add(self, outputs: Outputs, truths: Sequence[Any]) -> list[Any]:
        """Take the outputs for a batch and the truth of its first images; answer the prediction for each."""

    def scores(self) -> dict[str, float]:
        """Each 0 to 1."""

    def same(self, prediction: Any, expected: Any) -> tuple[int, int]:
        """How many units of one image's `expected` prediction are as expected, and how many there are."""


class ClassificationScorer:
    """Logits [N, classes] against class numbers."""

    unit = "image"

    def __init__(self, classes: int) -> None:
        """Score networks that tell `classes` classes apart."""
        self._k = 5 if classes >= _MANY_CLASSES else min(3, classes)
        self._logits: list[Array] = []
        self._labels: list[int] = []

    def add(self, outputs: Outputs, truths: Sequence[int]) -> list[int]:
        """Take the logits and class numbers of a batch; answer the classes."""
        logits = outputs[0][: len(truths)]
        self._logits.append(logits)
        self._labels += truths
        return [int(label) for label in logits.argmax(1)]

    def scores(self) -> dict[str, float]:
        """`top1` and `top3`, or `top5` of a hundred classes and more."""
        logits, labels = np.concatenate(self._logits), np.array(self._labels)
        return {f"top{k}": topk(logits, labels, k) for k in (1, self._k)}

    def same(self, prediction: int, expected: int) -> tuple[int, int]:
        """Whether the classes are equal."""
        return int(prediction == expected), 1


class SegmentationScorer:
    """Logits [N, H, W, classes] against masks uint8 [H, W], 255 where nothing is scored."""

    unit = "pixel"

    def __init__(self, classes: int) -> None:
        """Score networks that tell `classes` classes apart, the background among them."""
        self._matrix = ConfusionMatrix(classes)

    def add(self, outputs: Outputs, truths: Sequence[Array]) -> list[Array]:
        """Take the logits and masks of a batch; answer the masks that were found, uint8 [H, W]."""
        found = outputs[0][: len(truths)].argmax(-1).astype(np.uint8)
        self._matrix.update(found, np.stack(truths))
        return list(found)

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

    def add(self, outputs: Outputs, truths: Sequence[ScaledObjects]) -> list[Detections]:
        """Take the outputs and objects of a batch; answer what was found, in pixels of the originals."""
        found = [
            dataclasses.replace(image, boxes=image.boxes * np.float32(scale))
            for image, (_, scale) in zip(decode(self._config, outputs), truths, strict=False)
        ]
        self._found += found
        self._truth += [truth for truth, _ in truths]
        return found

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
