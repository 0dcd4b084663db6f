"""The DeepLabv3 head of the official segmentation code, whose parallel atrous convolutions are binary.

The activations of these convolutions are in {0, 1} (one-bit DoReFa, zero padding), unlike the backbone's
signs. Each is rebuilt from K bases that share one input and are averaged.
"""

from collections.abc import Sequence
from functools import reduce

import torch
from torch import nn

from models.bitserial_layers import BitserialConv2d
from models.config import Precision
from models.segmentation.float_heads import grow

_NARROWING = 8


class AveragedBases(nn.Module):
    """`BN(mean_k alpha_k conv2d(round(clamp(x, 0, 1)), sign(W_k)))` without ReLU: the code's `group_conv`."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        rate: int,
        bases: int,
        precision: Precision,
    ) -> None:
        """Make K convolutions of dilation `rate` and one batch norm."""
        super().__init__()
        self.bases = nn.ModuleList(
            BitserialConv2d(
                in_channels,
                out_channels,
                kernel_size,
                dilation=rate,
                activation_bits=1,
                straight_through="identity",
                precision=precision,
            )
            for _ in range(bases)
        )
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve [N, C, H, W] to [N, O, H, W]."""
        total = reduce(torch.add, [base(x) for base in self.bases])
        y: torch.Tensor = self.bn(total * (1 / len(self.bases)))
        return y


class BinaryDeepLabHead(nn.Module):
    """A 1x1 and three atrous branches beside an image-wide one, joined by float convolutions."""

    def __init__(
        self,
        channels: Sequence[int],
        num_classes: int,
        *,
        rates: Sequence[int],
        bases: int,
        precision: Precision,
    ) -> None:
        """Make the head for one map of `channels`; each branch has an eighth of its channels."""
        super().__init__()
        (count,) = channels
        narrow = max(count // _NARROWING, 1)

        def branch(kernel_size: int, rate: int) -> AveragedBases:
            return AveragedBases(count, narrow, kernel_size, rate=rate, bases=bases, precision=precision)

        self.branches = nn.ModuleList([branch(1, 1), *(branch(3, rate) for rate in rates)])
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.image = branch(1, 1)
        self.project = _conv_bn_relu(narrow * (len(rates) + 2), narrow, 1)
        self.refine = _conv_bn_relu(narrow, narrow, 3)
        self.score = nn.Conv2d(narrow, num_classes, 1)

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """Score one map [N, C, H, W]: [N, classes, H, W]."""
        (features,) = maps
        views = [branch(features) for branch in self.branches]
        views.append(grow(self.image(self.pool(features)), features.shape[2:]))
        scores: torch.Tensor = self.score(self.refine(self.project(torch.cat(views, 1))))
        return scores


def _conv_bn_relu(in_channels: int, out_channels: int, kernel_size: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, padding=kernel_size // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )
