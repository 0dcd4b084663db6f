"""The feature pyramid (Lin et al., CVPR 2017) of binary layers: maps of all scales with equal channels."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from models.detection.config import DetectionConfig
from models.detection.decomposed_conv import DecomposedConv2d


class FeaturePyramid(nn.Module):
    """Laterals bring stages to equal channels; coarse ones grow and add up; a 3x3 layer finishes each level.

    Levels above the last stage come from the finished level below by a layer of stride 2 (P6 and P7).
    """

    def __init__(self, config: DetectionConfig, channels: Sequence[int]) -> None:
        """Make the layers for stages of `channels`, the finest first."""
        super().__init__()
        backbone, width = config.backbone, config.pyramid_channels
        self.laterals = nn.ModuleList(DecomposedConv2d(backbone, count, width, 1) for count in channels)
        self.outputs = nn.ModuleList(DecomposedConv2d(backbone, width, width, 3) for _ in channels)
        self.extra = nn.ModuleList(
            DecomposedConv2d(backbone, width, width, 3, stride=2) for _ in range(config.extra_levels)
        )

    def forward(self, stages: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Map stages [N, C_i, H_i, W_i] to levels [N, pyramid_channels, H_i, W_i], the finest first."""
        merged = [lateral(stage) for lateral, stage in zip(self.laterals, stages, strict=True)]
        for finer in reversed(range(len(merged) - 1)):
            size = merged[finer].shape[2:]
            grown = F.interpolate(merged[finer + 1], size=size, mode="bilinear", align_corners=False)
            merged[finer] = merged[finer] + grown
        levels = [output(stage) for output, stage in zip(self.outputs, merged, strict=True)]
        for layer in self.extra:
            levels.append(layer(levels[-1]))
        return levels
