"""Objects of an image for the tests of targets and losses."""

from dataclasses import dataclass

import torch


@dataclass(frozen=True, eq=False)
class BoxObjects:
    """See `models.detection.objects.Objects`."""

    boxes: torch.Tensor
    classes: torch.Tensor
    difficult: torch.Tensor


def objects(*boxes, classes=None, difficult=()):
    """Objects of `boxes`, of class 0 each unless `classes` says otherwise; `difficult` are indices."""
    count = len(boxes)
    return BoxObjects(
        torch.tensor(boxes, dtype=torch.float32).reshape(count, 4),
        torch.tensor(classes if classes is not None else [0] * count, dtype=torch.int64),
        torch.tensor([index in difficult for index in range(count)], dtype=torch.bool),
    )
