"""Group-Net for classification: a float stem, decomposed residual groups, and a float classifier.

Papers: Zhuang et al., "Structured Binary Neural Networks for Accurate Image Classification and Semantic
Segmentation" (CVPR 2019, arXiv 1811.10413) and "Structured Binary Neural Networks for Image Recognition"
(IJCV 2022, arXiv 1909.09934). Written after the official code with two changes: branch outputs are never
overwritten by their own sum, and sign(0) = +1.
"""

import itertools
from collections.abc import Iterator

import torch
from torch import nn

from models.config import GroupNetConfig
from models.groups import BlockBranches, Group

_BLOCKS_PER_GROUP = {"layer": 1, "block": 1, "two_blocks": 2}


class GroupNet(nn.Module):
    """Images [N, in_channels, input_size, input_size] float32 to logits [N, num_classes]."""

    def __init__(self, config: GroupNetConfig) -> None:
        """Allocate the network of `config` and draw its parameters from torch's global generator."""
        super().__init__()
        self.config = config
        self.stem = _stem(config)
        blocks = list(_blocks(config))
        size = _BLOCKS_PER_GROUP.get(config.group, len(blocks))
        self.groups = nn.ModuleList(
            Group(config, blocks[start : start + size], gated=start > 0)
            for start in range(0, len(blocks), size)
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(config.widths[-1], config.num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a batch; every base of the first group reads the stem's output."""
        fused = self.stem(x)
        outputs = [fused]
        for group in self.groups:
            outputs, fused = group(outputs, fused)
        logits: torch.Tensor = self.classifier(self.pool(fused).flatten(1))
        return logits


def _stem(config: GroupNetConfig) -> nn.Sequential:
    width = config.widths[0]
    if config.stem == "imagenet":
        return nn.Sequential(
            nn.Conv2d(config.in_channels, width, 7, stride=2, padding=3, bias=False),
            nn.MaxPool2d(3, stride=2, padding=1),
            nn.BatchNorm2d(width),
        )
    return nn.Sequential(
        nn.Conv2d(config.in_channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width)
    )


def _blocks(config: GroupNetConfig) -> Iterator[BlockBranches]:
    """The residual blocks of all stages; the first of each stage but the first has stride 2."""
    in_channels = config.widths[0]
    for stage, (out_channels, depth) in enumerate(zip(config.widths, config.depths, strict=True)):
        strides = itertools.chain([2 if stage else 1], itertools.repeat(1, depth - 1))
        for stride in strides:
            yield BlockBranches(config, in_channels, out_channels, stride)
            in_channels = out_channels
