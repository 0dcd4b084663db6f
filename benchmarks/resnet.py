"""The float ResNet-18 and ResNet-34 that the peers run: He et al. 2016, basic blocks, 1000 classes, 224x224.

It is defined here because the peers need a graph of their own; Group-Net's float twin has other skips.
"""

import torch
from torch import nn


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm, and a skip (1x1 where the shape changes)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        """Make the block with fresh weights."""
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.skip: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.skip = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map [N, C, H, W] to [N, O, H/stride, W/stride]."""
        y = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(y)) + self.skip(x))


BLOCKS = {"resnet18": (2, 2, 2, 2), "resnet34": (3, 4, 6, 3)}
"""Basic blocks of each stage, by the network's name (table 1)."""


def resnet(name: str) -> nn.Module:
    """A network of `BLOCKS` in evaluation mode with random weights; [N, 3, 224, 224] to [N, 1000]."""
    layers: list[nn.Module] = [
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
    ]
    before = 64
    for width, blocks in zip((64, 128, 256, 512), BLOCKS[name], strict=True):
        layers += [BasicBlock(before, width, 1 if width == 64 else 2)]
        layers += [BasicBlock(width, width, 1) for _ in range(blocks - 1)]
        before = width
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000)]
    return nn.Sequential(*layers).eval()
