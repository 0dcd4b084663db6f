"""The head of FCOS (Tian et al., ICCV 2019): for each location classes, distances to a box, centerness."""

from collections.abc import Sequence

import torch
from torch import nn

from models.detection.box_coding import LARGEST_LOG_SCALE
from models.detection.config import DetectionConfig
from models.detection.levels import level_strides
from models.detection.towers import Tower, by_location, prediction


class FcosHead(nn.Module):
    """Binary towers and float predictions; centerness shares the tower of the boxes.

    Distances are `stride * exp(scale_l * x)`, with a learned scale for each level; the exponent is bounded.
    """

    def __init__(self, config: DetectionConfig) -> None:
        """Make towers, prediction layers and scales."""
        super().__init__()
        self.num_classes = config.num_classes
        self.strides = level_strides(config)
        width = config.pyramid_channels
        self.class_tower = Tower(config, len(self.strides))
        self.box_tower = Tower(config, len(self.strides))
        self.class_logits = prediction(width, config.num_classes, is_classification=True)
        self.distances = prediction(width, 4)
        self.centerness = prediction(width, 1)
        self.scales = nn.Parameter(torch.ones(len(self.strides)))

    def forward(self, levels: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Predict for levels [N, C, H_l, W_l], the finest first; L locations in all.

        Returns:
            Class logits [N, L, classes]; distances to left, top, right and bottom in pixels [N, L, 4];
            logits of the centerness [N, L].
        """
        classes, distances, centerness = [], [], []
        scales = self.scales.unbind()
        for index, (x, stride, scale) in enumerate(zip(levels, self.strides, scales, strict=True)):
            classes.append(by_location(self.class_logits(self.class_tower(x, index)), self.num_classes))
            boxes = self.box_tower(x, index)
            exponent = (self.distances(boxes) * scale).clamp(max=LARGEST_LOG_SCALE)
            distances.append(by_location(exponent.exp() * stride, 4))
            centerness.append(self.centerness(boxes).flatten(1))
        return torch.cat(classes, 1), torch.cat(distances, 1), torch.cat(centerness, 1)
