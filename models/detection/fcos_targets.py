"""What FCOS should predict at each location (Tian et al., ICCV 2019, section 3, with centre sampling)."""

from collections.abc import Sequence

import torch

from models.detection.levels import Level
from models.detection.objects import Objects, learnt, stacked

BACKGROUND = -1

# Only locations this near to the middle of an object learn it, in strides.
_CENTRE_RADIUS = 1.5


def fcos_targets(
    levels: Sequence[Level], batch: Sequence[Objects], device: torch.device, *, reach: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Assign objects to locations; where several fit, the one of the smallest box is taken.

    A location learns an object if its farthest side is up to `reach` strides away, and farther than that for
    the level below; the last level has no limit. With strides 8 to 128 and a reach of 8 these are the paper's
    64, 128, 256 and 512 pixels.

    Args:
        levels: The pyramid of the images, L locations in all.
        batch: The objects of each of N images.
        device: Where the results go.
        reach: In strides.

    Returns:
        Classes int64 [N, L], `BACKGROUND` where nothing is; distances to left, top, right and bottom in
        pixels [N, L, 4]; centerness [N, L]. The last two mean something where there is an object.
    """
    centres = torch.cat([torch.from_numpy(level.centres()) for level in levels]).to(device)
    counts = torch.tensor([level.height * level.width for level in levels])
    bounds = [0.0, *(float(reach * level.stride) for level in levels[:-1]), float("inf")]
    low, high, stride = (
        torch.tensor(values).repeat_interleave(counts).to(device)
        for values in (bounds[:-1], bounds[1:], [float(level.stride) for level in levels])
    )
    results = []
    for objects in batch:
        boxes, classes = learnt(objects, device)
        distances = _distances(centres, boxes)
        farthest = distances.amax(-1)
        fits = (farthest > low[:, None]) & (farthest <= high[:, None])
        fits &= (distances > 0).all(-1) & _is_central(centres, boxes, stride)
        results.append(_smallest(fits, distances, boxes, classes))
    classes, distances, centerness = stacked(results)
    return classes, distances, centerness


def centerness_of(distances: torch.Tensor) -> torch.Tensor:
    """`sqrt(min(l, r) / max(l, r) * min(t, b) / max(t, b))` of [..., 4]: 1 in the middle (equation 3)."""
    left, top, right, bottom = distances.unbind(-1)
    across = torch.minimum(left, right) / torch.maximum(left, right)
    down = torch.minimum(top, bottom) / torch.maximum(top, bottom)
    return (across * down).clamp_min(0).sqrt()


def _distances(centres: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """From each of L centres to the sides of each of n boxes, [L, n, 4]; negative outside."""
    return torch.cat([centres[:, None] - boxes[None, :, :2], boxes[None, :, 2:] - centres[:, None]], -1)


def _is_central(centres: torch.Tensor, boxes: torch.Tensor, stride: torch.Tensor) -> torch.Tensor:
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    offsets = (centres[:, None] - middles[None]).abs().amax(-1)
    return offsets < _CENTRE_RADIUS * stride[:, None]


def _smallest(
    fits: torch.Tensor, distances: torch.Tensor, boxes: torch.Tensor, classes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    if not len(boxes):
        empty = distances.new_zeros(len(fits), 4)
        return torch.full_like(empty[:, 0], BACKGROUND, dtype=torch.int64), empty, empty[:, 0]
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(-1).expand_as(fits)
    area, chosen = torch.where(fits, areas, float("inf")).min(1)
    is_object = area.isfinite()
    own = torch.where(is_object[:, None], distances[torch.arange(len(fits)), chosen], 1.0)
    return torch.where(is_object, classes[chosen], BACKGROUND), own, centerness_of(own)
