"""What RetinaNet should predict for each anchor (Lin et al., ICCV 2017, section 4)."""

from collections.abc import Sequence

import torch

from models.detection.anchors import anchor_boxes
from models.detection.levels import Level
from models.detection.objects import Objects, learnt, stacked

BACKGROUND = -1
IGNORED = -2

# An anchor takes an object from this intersection over union on, and is background below the second.
_OBJECT = 0.5
_NOTHING = 0.4


def retinanet_targets(
    levels: Sequence[Level], batch: Sequence[Objects], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """Assign objects to anchors by intersection over union; each object gets at least its best anchor.

    Args:
        levels: The pyramid of the images, A anchors in all.
        batch: The objects of each of N images.
        device: Where the results go.

    Returns:
        Classes int64 [N, A], `BACKGROUND` or `IGNORED` where no object is; deltas to the object [N, A, 4],
        zeros elsewhere.
    """
    anchors = torch.from_numpy(anchor_boxes(levels)).to(device)
    classes, deltas = stacked([_of_image(anchors, *learnt(objects, device)) for objects in batch])
    return classes, deltas


def encode_deltas(boxes: torch.Tensor, anchors: torch.Tensor) -> torch.Tensor:
    """The inverse of `decode_deltas`: [n, 4] from `anchors` [n, 4] to `boxes` [n, 4], none of them empty."""
    sizes, anchor_sizes = boxes[:, 2:] - boxes[:, :2], anchors[:, 2:] - anchors[:, :2]
    offsets = (boxes[:, :2] + boxes[:, 2:] - anchors[:, :2] - anchors[:, 2:]) / 2
    return torch.cat([offsets / anchor_sizes, (sizes / anchor_sizes).log()], -1)


def pairwise_iou(boxes: torch.Tensor, others: torch.Tensor) -> torch.Tensor:
    """Intersection over union of boxes [n, 4] with others [m, 4], none of them empty: [n, m]."""
    low = torch.maximum(boxes[:, None, :2], others[None, :, :2])
    high = torch.minimum(boxes[:, None, 2:], others[None, :, 2:])
    intersection = (high - low).clamp_min(0).prod(-1)
    areas, other_areas = ((b[:, 2:] - b[:, :2]).prod(-1) for b in (boxes, others))
    return intersection / (areas[:, None] + other_areas[None] - intersection)


def _of_image(
    anchors: torch.Tensor, boxes: torch.Tensor, classes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    count = len(anchors)
    if not len(boxes):
        return classes.new_full((count,), BACKGROUND), torch.zeros_like(anchors)
    iou = pairwise_iou(anchors, boxes)
    best, chosen = iou.max(1)
    # The anchors that come closest to an object take it however small the overlap is, if there is one.
    closest = iou.amax(0)
    rescued, objects = ((iou == closest) & (closest > 0)).nonzero(as_tuple=True)
    chosen[rescued] = objects
    is_object = best >= _OBJECT
    is_object[rescued] = True
    answer = torch.where(best < _NOTHING, BACKGROUND, IGNORED)
    deltas = encode_deltas(boxes[chosen], anchors)
    return torch.where(is_object, classes[chosen], answer), torch.where(is_object[:, None], deltas, 0.0)
