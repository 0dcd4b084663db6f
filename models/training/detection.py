"""Detection as a task: the detector's own loss, and average precision on the test images."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from models.data.draw import draw_boxes
from models.data.samples import DetectionTarget
from models.detection.config import DetectionConfig
from models.detection.decode import decode
from models.detection.detection_loss import detection_loss
from models.detection.detections import Detections
from models.detection.objects import Objects
from models.metadata import Preprocessing
from models.scoring.coco_ap import coco_ap
from models.scoring.voc_map import voc_map
from models.training.inference import outputs_of
from models.training.pictures import denormalised
from models.training.task import Batch, Feed, StepTerms, Term

_SHOWN = 4
_SHOWN_SCORE = 0.3


class ObjectsToLearn(NamedTuple):
    """Targets of a training batch.

    Attributes:
        objects: Those of each image, in pixels of the batch's images.
        image_size: Height and width of the batch's images, padding included.
    """

    objects: Sequence[Objects]
    image_size: tuple[int, int]


class ObjectsToFind(NamedTuple):
    """Targets of a test batch.

    Attributes:
        truth: The objects of each image, in pixels of the original.
        scales: Pixels of the original for each pixel of the network's input.
    """

    truth: Sequence[DetectionTarget]
    scales: Sequence[float]


class Detection:
    """A detector's raw outputs against boxes.

    Args:
        config: The detector, with the data set's number of classes.
        feed: Its batches' targets are `ObjectsToLearn` in training and `ObjectsToFind` in testing.
        classes: Names of the classes.
        preprocessing: How the images became inputs.
    """

    def __init__(
        self, config: DetectionConfig, feed: Feed, classes: Sequence[str], preprocessing: Preprocessing
    ) -> None:
        """Keep what was given."""
        self.feed = feed
        self._config = config
        self._classes = tuple(classes)
        self._preprocessing = preprocessing

    def measure(self, outputs: Sequence[torch.Tensor], targets: ObjectsToLearn) -> StepTerms:
        """The terms of the detector's loss; there is no score without decoding."""
        terms = detection_loss(self._config, outputs, targets.objects, targets.image_size)
        return StepTerms({name: Term(term.total, term.weight) for name, term in terms.items()}, {})

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """COCO's average precisions and VOC's mean (area rule), 0 to 1."""
        found: list[Detections] = []
        truth: list[DetectionTarget] = []
        for batch, detections in self._found(model, device):
            targets: ObjectsToFind = batch.targets
            truth += targets.truth
            found += [
                dataclasses.replace(image, boxes=image.boxes * np.float32(scale))
                for image, scale in zip(detections, targets.scales, strict=True)
            ]
        count = len(self._classes)
        return {**coco_ap(found, truth, count), "voc_map": voc_map(found, truth, count)}

    def pictures(self, model: nn.Module, device: torch.device) -> dict[str, npt.NDArray[np.uint8]]:
        """The first test images, with sure detections on the left and the true boxes on the right."""
        batch, detections = next(self._found(model, device))
        targets: ObjectsToFind = batch.targets
        shown = {}
        for index in range(min(_SHOWN, len(detections))):
            image = denormalised(batch.images[index], self._preprocessing)
            found, truth, scale = detections[index], targets.truth[index], targets.scales[index]
            sure = found.scores >= _SHOWN_SCORE
            boxes, labels = found.boxes[sure], found.classes[sure]
            left = draw_boxes(image, boxes, labels, self._classes, found.scores[sure])
            right = draw_boxes(image, truth.boxes / np.float32(scale), truth.classes, self._classes)
            shown[f"{index}"] = np.hstack([left, right])
        return shown

    def _found(self, model: nn.Module, device: torch.device) -> Iterator[tuple[Batch, list[Detections]]]:
        """Each test batch and its detections in pixels of the network's input."""
        for batch, outputs in outputs_of(model, self.feed.testing(), device):
            height, width = batch.images.shape[2:]
            arrays = [output.numpy() for output in outputs]
            yield batch, decode(self._config, arrays, image_size=(height, width))
