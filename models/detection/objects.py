"""The objects of an image as training gives them."""

from collections.abc import Sequence
from typing import Protocol

import torch


class Objects(Protocol):
    """What is to be found in one image, n objects, possibly none."""

    @property
    def boxes(self) -> torch.Tensor:
        """x1, y1, x2, y2 in pixels of the network's input, float32 [n, 4]."""

    @property
    def classes(self) -> torch.Tensor:
        """From 0, int64 [n]."""

    @property
    def difficult(self) -> torch.Tensor:
        """Objects that are not learnt, bool [n]."""


def learnt(objects: Objects, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Boxes [m, 4] and classes [m] of the objects that are not difficult and not empty, on `device`."""
    boxes = objects.boxes
    kept = ~objects.difficult & (boxes[:, 2:] > boxes[:, :2]).all(1)
    return boxes[kept].to(device), objects.classes[kept].to(device)


def stacked(parts: Sequence[tuple[torch.Tensor, ...]]) -> tuple[torch.Tensor, ...]:
    """The tensors of several images, each kind stacked along a new first axis."""
    return tuple(torch.stack(kind) for kind in zip(*parts, strict=True))
