"""`DecomposedConv2d`, a layer of pyramid and towers rebuilt from K binary branches, shared by levels."""

import torch
from torch import nn

from models.base_conv import base_conv
from models.config import GroupNetConfig
from models.fusion import Fusion


class DecomposedConv2d(nn.Module):
    """`fuse_k(BN_kl(ReLU(conv_k(x))) + x)`: K binary convolutions of one input, a batch norm for each level.

    A group in the sense of Group-Net with one convolution in it. Our design: the papers' detectors are not
    published in detail. Convolutions are shared by the levels and batch norms are not, as in the quantised
    detectors of the IJCV paper's fourth author; the order convolution, ReLU, batch norm is the backbone's,
    since after a last ReLU all signs would be +1. The skip is there where shapes allow.
    """

    def __init__(
        self,
        config: GroupNetConfig,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        levels: int = 1,
    ) -> None:
        """Make K convolutions, and K batch norms for each of `levels`."""
        super().__init__()
        self.bases = nn.ModuleList(
            base_conv(config, in_channels, out_channels, kernel_size, stride=stride)
            for _ in range(config.bases)
        )
        self.norms = nn.ModuleList(
            nn.ModuleList(nn.BatchNorm2d(out_channels) for _ in range(config.bases)) for _ in range(levels)
        )
        self.fusion = Fusion(config.bases, config.fusion)
        self.skips = stride == 1 and in_channels == out_channels

    def forward(self, x: torch.Tensor, level: int = 0) -> torch.Tensor:
        """Convolve a map [N, C, H, W] of `level`, counted from the finest, to [N, O, OH, OW]."""
        norms = self.norms[level]
        assert isinstance(norms, nn.ModuleList)
        branches = [
            norm(torch.relu(base(x))) + x if self.skips else norm(torch.relu(base(x)))
            for base, norm in zip(self.bases, norms, strict=True)
        ]
        fused: torch.Tensor = self.fusion(branches)
        return fused
