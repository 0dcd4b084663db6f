"""The losses of both detectors, as sums and what they are sums over."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F

from models.detection.config import DetectionConfig
from models.detection.fcos_targets import fcos_targets
from models.detection.levels import Level, pyramid_levels
from models.detection.losses import focal_loss, giou_loss
from models.detection.objects import Objects
from models.detection.retinanet_targets import IGNORED, retinanet_targets

# Where smooth L1 turns from a parabola into a line.
_BETA = 0.1


class LossTerm(NamedTuple):
    """A sum with a gradient, and how much it sums over: the loss is `total / max(weight, 1)`.

    Kept apart so that parts of a batch, on several processes, add up to the mean of the whole. The weight is
    0 where there is no object.
    """

    total: torch.Tensor
    weight: torch.Tensor


def detection_loss(
    config: DetectionConfig,
    outputs: Sequence[torch.Tensor],
    batch: Sequence[Objects],
    image_size: tuple[int, int],
) -> dict[str, LossTerm]:
    """The terms whose means add up to the loss.

    FCOS: focal loss of the classes over the number of object locations, GIoU loss of the boxes weighted by
    centerness, cross-entropy of the centerness. RetinaNet: focal loss of the classes over the number of
    object anchors, smooth L1 of their deltas.

    Args:
        config: The network's description.
        outputs: What `DetectionNet` returns for N images.
        batch: The objects of each of the N images.
        image_size: Height and width of the images in pixels, padding included.
    """
    levels = pyramid_levels(config, image_size)
    outputs = [output.float() for output in outputs]
    if config.detector == "fcos":
        return _fcos_loss(outputs, levels, batch, config.reach)
    return _retinanet_loss(outputs, levels, batch)


def _fcos_loss(
    outputs: Sequence[torch.Tensor], levels: Sequence[Level], batch: Sequence[Objects], reach: int
) -> dict[str, LossTerm]:
    logits, distances, centerness_logits = outputs
    classes, true_distances, centerness = fcos_targets(levels, batch, logits.device, reach=reach)
    is_object = classes >= 0
    count = is_object.sum()
    centrality = centerness[is_object]
    boxes = giou_loss(distances[is_object], true_distances[is_object]) * centrality
    centres = F.binary_cross_entropy_with_logits(centerness_logits[is_object], centrality, reduction="sum")
    return {
        "classes": LossTerm(focal_loss(logits.flatten(0, 1), classes.flatten()), count),
        "boxes": LossTerm(boxes.sum(), centrality.sum()),
        "centerness": LossTerm(centres, count),
    }


def _retinanet_loss(
    outputs: Sequence[torch.Tensor], levels: Sequence[Level], batch: Sequence[Objects]
) -> dict[str, LossTerm]:
    logits, deltas = outputs
    classes, true_deltas = retinanet_targets(levels, batch, logits.device)
    is_object = classes >= 0
    counted = classes != IGNORED
    boxes = F.smooth_l1_loss(deltas[is_object], true_deltas[is_object], beta=_BETA, reduction="sum")
    count = is_object.sum()
    return {
        "classes": LossTerm(focal_loss(logits[counted], classes[counted]), count),
        "boxes": LossTerm(boxes, count),
    }
