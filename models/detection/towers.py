"""What both detectors' heads are made of: a tower of binary layers, and float prediction layers."""

import math

import torch
from torch import nn

from models.detection.config import DetectionConfig
from models.detection.decomposed_conv import DecomposedConv2d

# Focal loss (Lin et al., ICCV 2017): at first every location takes each class for this probable.
_PRIOR = 0.01
_DEVIATION = 0.01


class Tower(nn.Module):
    """`tower_depth` decomposed 3x3 layers, shared by all levels but for their batch norms."""

    def __init__(self, config: DetectionConfig, levels: int) -> None:
        """Make the layers for `levels` levels of `pyramid_channels`."""
        super().__init__()
        width = config.pyramid_channels
        self.layers = nn.ModuleList(
            DecomposedConv2d(config.backbone, width, width, 3, levels=levels)
            for _ in range(config.tower_depth)
        )

    def forward(self, x: torch.Tensor, level: int) -> torch.Tensor:
        """Map [N, C, H, W] of `level`, counted from the finest, to the same shape."""
        for layer in self.layers:
            x = layer(x, level)
        return x


def prediction(in_channels: int, out_channels: int, *, is_classification: bool = False) -> nn.Conv2d:
    """A float 3x3 convolution drawn from N(0, 0.01^2); that of classes begins with focal loss's prior."""
    conv = nn.Conv2d(in_channels, out_channels, 3, padding=1)
    nn.init.normal_(conv.weight, std=_DEVIATION)
    assert conv.bias is not None
    nn.init.constant_(conv.bias, math.log(_PRIOR / (1 - _PRIOR)) if is_classification else 0.0)
    return conv


def by_location(x: torch.Tensor, width: int) -> torch.Tensor:
    """[N, A * width, H, W] to [N, H * W * A, width]: row by row, and at each location entry by entry."""
    return x.permute(0, 2, 3, 1).reshape(x.shape[0], -1, width)
