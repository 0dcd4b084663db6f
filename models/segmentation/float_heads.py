"""The float heads of segmentation: scores of one or several stages, and the official code's dilated head."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

_DROPOUT = 0.1
_NARROWING = 4


class ScoreHead(nn.Module):
    """FCN-32s, 16s and 8s (Long et al., CVPR 2015): a 1x1 score of each map; coarse ones grow and add up.

    How the paper's authors put these heads on a ResNet is not known; this is the conventional form, with
    bilinear growth instead of learned transposed convolutions.
    """

    def __init__(self, channels: Sequence[int], num_classes: int) -> None:
        """Make a score layer for each map; `channels` are the maps', the coarsest first."""
        super().__init__()
        self.scores = nn.ModuleList(nn.Conv2d(count, num_classes, 1) for count in channels)

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """Score maps [N, C_i, H_i, W_i], the coarsest first, in the size of the last: [N, classes, H, W]."""
        total: torch.Tensor | None = None
        for score, features in zip(self.scores, maps, strict=True):
            own = score(features)
            total = own if total is None else own + grow(total, own.shape[2:])
        assert total is not None  # `channels` is never empty
        return total


class DilatedHead(nn.Module):
    """The head of the official code: 3x3 to a quarter of the channels, batch norm, ReLU, dropout, 1x1."""

    def __init__(self, channels: Sequence[int], num_classes: int) -> None:
        """Make the two convolutions; `channels` are those of the one map that the head reads."""
        super().__init__()
        (count,) = channels
        narrow = max(count // _NARROWING, 1)
        self.reduce = nn.Conv2d(count, narrow, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(narrow)
        self.dropout = nn.Dropout2d(_DROPOUT)
        self.score = nn.Conv2d(narrow, num_classes, 1)

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """Score one map [N, C, H, W]: [N, classes, H, W]."""
        (features,) = maps
        hidden = torch.relu(self.bn(self.reduce(features)))
        scores: torch.Tensor = self.score(self.dropout(hidden))
        return scores


def grow(x: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """Bilinear interpolation of [N, C, H, W] to `size`, pixels taken as areas (corners not aligned)."""
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
