"""Group-Net for semantic segmentation: a backbone, a head on its last stages, and logits in the image's size.

Heads and dilation follow CVPR 2019 (arXiv 1811.10413) and its official segmentation code. Unlike that code,
each base really has its own rate (there, a loop leaves all bases with the last one). The official baseline
without parallel rates dilates a stage's first convolution by the rate of the stage before; here all
convolutions of a stage have the stage's own rate.
"""

import torch
from torch import nn

from models.backbone import Backbone, require_stages
from models.segmentation.binary_aspp import BinaryDeepLabHead
from models.segmentation.config import SegmentationConfig
from models.segmentation.float_heads import DilatedHead, ScoreHead, grow


class SegmentationNet(nn.Module):
    """Images [N, in_channels, H, W] float32 to logits [N, num_classes, H, W]; H = W = input_size."""

    def __init__(self, config: SegmentationConfig) -> None:
        """Allocate the network of `config` and draw its parameters from torch's global generator.

        Raises:
            ConfigError: The backbone's groups leave no map where the head needs one.
        """
        super().__init__()
        if len(config.head_stages) > 1:
            require_stages(config.backbone, range(config.head_stages[-1], config.head_stages[0] + 1))
        self.config = config
        self.backbone = Backbone(config.backbone)
        self.head = _head(config, [self.backbone.channels[stage] for stage in config.head_stages])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch, before any softmax."""
        maps = self.backbone.features(x)
        scores = self.head([maps[stage] for stage in self.config.head_stages])
        return grow(scores, x.shape[2:])


def _head(config: SegmentationConfig, channels: list[int]) -> nn.Module:
    if config.head == "dilated":
        return DilatedHead(channels, config.num_classes)
    if config.head == "deeplabv3":
        return BinaryDeepLabHead(
            channels,
            config.num_classes,
            rates=config.aspp_rates,
            bases=config.bases,
            precision=config.precision,
        )
    return ScoreHead(channels, config.num_classes)
