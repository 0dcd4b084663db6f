"""The groups that Group-Net decomposes: K homogeneous binary branches of residual blocks, then fused."""

from collections.abc import Sequence

import torch
from torch import nn

from models.base_conv import base_conv
from models.branches import make_branch
from models.config import GroupNetConfig
from models.fusion import Fusion, SoftConnection


class BlockBranches(nn.Module):
    """The branches of one residual block, with the one shortcut that they share."""

    def __init__(
        self,
        config: GroupNetConfig,
        in_channels: int,
        out_channels: int,
        stride: int,
        rates: Sequence[int],
    ) -> None:
        """Make K branches (one where each layer is a group) and, where the shape changes, a 1x1 shortcut.

        `rates` holds the dilation of each branch.
        """
        super().__init__()
        self.in_channels = in_channels
        self.branches = nn.ModuleList(
            make_branch(config, in_channels, out_channels, stride, rate) for rate in rates
        )
        self.shortcut = (
            nn.Identity()
            if stride == 1 and in_channels == out_channels
            else nn.Sequential(
                *_downsample(config, in_channels, out_channels, stride), nn.BatchNorm2d(out_channels)
            )
        )

    def forward(self, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Map one tensor that all branches read, or one for each branch, to one output for each branch."""
        residuals = [self.shortcut(x) for x in inputs]
        if len(inputs) == 1:
            # One input for all: its shortcut runs once, and its signs need to be packed only once.
            inputs = list(inputs) * len(self.branches)
            residuals = residuals * len(self.branches)
        return [
            branch(x, residual) for branch, x, residual in zip(self.branches, inputs, residuals, strict=True)
        ]


class Group(nn.Module):
    """Residual blocks in sequence, decomposed together: K branches run through all, then are fused."""

    def __init__(self, config: GroupNetConfig, blocks: Sequence[BlockBranches], *, gated: bool) -> None:
        """Put `blocks` in sequence; `gated` groups mix their inputs through a soft connection."""
        super().__init__()
        # With one base whose output is also the average, the connection would be the identity.
        mixes = gated and config.gate != "none" and (config.bases > 1 or config.fusion == "learned")
        self.gate = SoftConnection(config.bases, config.gate) if mixes else None
        self.blocks = nn.ModuleList(blocks)
        # Where each layer is its own group, the layers are fused already and one stream is left.
        self.fusion = Fusion(1, "average") if config.group == "layer" else Fusion(config.bases, config.fusion)

    def forward(
        self, outputs: list[torch.Tensor], fused: torch.Tensor
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Map the last group's branch outputs and their fusion to this group's."""
        outputs = [fused] if self.gate is None else self.gate(outputs, fused)
        for block in self.blocks:
            outputs = block(outputs)
        return outputs, self.fusion(outputs)


def _downsample(config: GroupNetConfig, in_channels: int, out_channels: int, stride: int) -> list[nn.Module]:
    """The layers of a shortcut before its batch norm."""
    if config.downsample == "binary":
        return [base_conv(config, in_channels, out_channels, 1, stride=stride)]
    if config.downsample == "pool" and stride > 1:
        # Odd sizes round up, as those of the strided convolutions beside it do.
        pool = nn.AvgPool2d(stride, ceil_mode=True)
        return [pool, nn.Conv2d(in_channels, out_channels, 1, bias=False)]
    return [nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)]
