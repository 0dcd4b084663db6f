"""The head of RetinaNet (Lin et al., ICCV 2017): for each anchor classes and the deltas to a box."""

from collections.abc import Sequence

import torch
from torch import nn

from models.detection.anchors import ANCHORS_PER_LOCATION
from models.detection.config import DetectionConfig
from models.detection.levels import level_strides
from models.detection.towers import Tower, by_location, prediction


class RetinaNetHead(nn.Module):
    """Binary towers and float predictions for nine anchors at each location."""

    def __init__(self, config: DetectionConfig) -> None:
        """Make towers and prediction layers."""
        super().__init__()
        self.num_classes = config.num_classes
        levels, width = len(level_strides(config)), config.pyramid_channels
        self.class_tower = Tower(config, levels)
        self.box_tower = Tower(config, levels)
        self.class_logits = prediction(
            width, ANCHORS_PER_LOCATION * config.num_classes, is_classification=True
        )
        self.deltas = prediction(width, ANCHORS_PER_LOCATION * 4)

    def forward(self, levels: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """Predict for levels [N, C, H_l, W_l], the finest first; A anchors in all.

        Returns:
            Class logits [N, A, classes] and deltas [N, A, 4], in the order of `anchor_boxes`.
        """
        classes, deltas = [], []
        for index, x in enumerate(levels):
            classes.append(by_location(self.class_logits(self.class_tower(x, index)), self.num_classes))
            deltas.append(by_location(self.deltas(self.box_tower(x, index)), 4))
        return torch.cat(classes, 1), torch.cat(deltas, 1)
