"""Group-Net for classification: the backbone, global average pooling and a float classifier."""

import torch
from torch import nn

from models.backbone import Backbone
from models.config import GroupNetConfig


class GroupNet(Backbone):
    """Images [N, in_channels, input_size, input_size] float32 to logits [N, num_classes]."""

    def __init__(self, config: GroupNetConfig) -> None:
        """Allocate the network of `config` and draw its parameters from torch's global generator."""
        super().__init__(config)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(config.widths[-1], config.num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch; every base of the first group reads the stem's output."""
        fused = self.features(x)[len(self.config.depths) - 1]
        logits: torch.Tensor = self.classifier(self.pool(fused).flatten(1))
        return logits
