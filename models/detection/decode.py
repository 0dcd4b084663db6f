"""From a detector's raw outputs to objects, in NumPy: the same code for PyTorch, host and phone."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from models.detection.anchors import ANCHORS_PER_LOCATION, anchor_boxes
from models.detection.box_coding import decode_deltas, decode_distances
from models.detection.config import DetectionConfig
from models.detection.detections import Detections
from models.detection.levels import pyramid_levels
from models.detection.nms import non_maximum_suppression
from models.errors import DataError

Floats = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True)
class Selection:
    """Which predictions become objects.

    Attributes:
        min_score: Lower scores are dropped first.
        max_candidates: Of each level, the best so many go on.
        max_iou: Two objects of one class overlap by no more.
        max_detections: Objects of an image.
    """

    min_score: float = 0.05
    max_candidates: int = 1000
    max_iou: float = 0.5
    max_detections: int = 100


# The papers' values; FCOS suppresses a little later.
SELECTIONS = {"fcos": Selection(max_iou=0.6), "retinanet": Selection()}


def decode(
    config: DetectionConfig,
    outputs: Sequence[Floats],
    *,
    image_size: tuple[int, int] | None = None,
    selection: Selection | None = None,
) -> list[Detections]:
    """Objects of each image of a batch.

    Args:
        config: The network's description.
        outputs: What `DetectionNet` returns, as arrays.
        image_size: Height and width of the network's input in pixels; the configuration's if None.
        selection: The paper's if None.

    Returns:
        Boxes within the image, by falling score. FCOS's score is sqrt(probability * centerness), RetinaNet's
        the probability.

    Raises:
        DataError: The outputs are not those of this network and image size.
    """
    size = image_size or (config.input_size, config.input_size)
    is_fcos = config.detector == "fcos"
    levels = pyramid_levels(config, size)
    per_location = 1 if is_fcos else ANCHORS_PER_LOCATION
    counts = [level.height * level.width * per_location for level in levels]
    _check(config, outputs, sum(counts))
    if is_fcos:
        references = np.concatenate([level.centres() for level in levels])
    else:
        references = anchor_boxes(levels)
    ends = np.cumsum(counts)
    chosen = selection or SELECTIONS[config.detector]
    found = []
    for scores, regression in zip(_scores(outputs), outputs[1], strict=True):
        parts = [_best(scores, end - count, end, chosen) for count, end in zip(counts, ends, strict=True)]
        places, classes = (np.concatenate(part) for part in zip(*parts, strict=True))
        code = decode_distances if is_fcos else decode_deltas
        boxes = code(regression[places], references[places])
        boxes = np.clip(boxes, 0, np.array([size[1], size[0]] * 2, np.float32))
        values = scores[places, classes]
        kept = non_maximum_suppression(
            boxes, values, classes, max_iou=chosen.max_iou, max_kept=chosen.max_detections
        )
        found.append(Detections(boxes[kept], values[kept], classes[kept]))
    return found


def _scores(outputs: Sequence[Floats]) -> Floats:
    """Scores [N, places, classes]."""
    probabilities = _sigmoid(outputs[0])
    if len(outputs) == 2:
        return probabilities
    scores: Floats = np.sqrt(probabilities * _sigmoid(outputs[2])[:, :, None])
    return scores


def _best(
    scores: Floats, start: int, end: int, selection: Selection
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Places and classes of the best scores of one level, `scores[start:end]`."""
    flat = scores[start:end].reshape(-1)
    good = np.flatnonzero(flat > selection.min_score)
    best = good[np.argsort(-flat[good], kind="stable")[: selection.max_candidates]]
    places, classes = np.divmod(best, scores.shape[1])
    return places + start, classes


def _sigmoid(x: Floats) -> Floats:
    # Unlike 1 / (1 + exp(-x)) this cannot overflow.
    y: Floats = np.tanh(x * np.float32(0.5)) * np.float32(0.5) + np.float32(0.5)
    return y


def _check(config: DetectionConfig, outputs: Sequence[Floats], places: int) -> None:
    batch = len(outputs[0]) if outputs else 0
    expected: list[tuple[int, ...]] = [(batch, places, config.num_classes), (batch, places, 4)]
    if config.detector == "fcos":
        expected.append((batch, places))
    got = [output.shape for output in outputs]
    if got != expected:
        raise DataError(
            f"expected outputs of shapes {expected} from {config.detector}; got {got}; decode with the "
            "description and the image size of the network that made them"
        )
