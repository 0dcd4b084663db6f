"""The digits of scikit-learn as training data: in memory, with small turns, scalings and shifts."""

import torch
import torch.nn.functional as F

from models.digits import PREPROCESSING, load_digits
from models.training.array_feed import ArrayFeed

_MAX_TURN_RAD = 0.17
_MAX_SCALE = 0.1
_MAX_SHIFT = 0.08  # of half the image's width: 1.3 of 32 pixels


def digits_feed() -> ArrayFeed:
    """1,437 images to train on and 360 to test with."""
    data = load_digits()
    return ArrayFeed(
        torch.tensor(data.train.images),
        torch.tensor(data.train.labels),
        torch.tensor(data.test.images),
        torch.tensor(data.test.labels),
        jitter,
    )


def jitter(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Turn, scale and shift each image [N, C, H, W] a little; what comes in from outside is background."""
    count = len(images)
    turn, grow, right, down = (torch.rand(4, count, generator=generator) * 2 - 1).unbind()
    angle, zoom = turn * _MAX_TURN_RAD, 1 + grow * _MAX_SCALE
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    rows = [torch.stack([cos, -sin, right * _MAX_SHIFT]), torch.stack([sin, cos, down * _MAX_SHIFT])]
    grid = F.affine_grid(torch.stack(rows).permute(2, 0, 1), list(images.shape), align_corners=False)
    (mean,), (std,) = PREPROCESSING.mean, PREPROCESSING.std
    background = -mean / std
    # grid_sample fills with 0, so the background is moved there and back.
    return F.grid_sample(images - background, grid, align_corners=False) + background
