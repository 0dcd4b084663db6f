"""The convolution of one base as a network's description asks for it."""

import torch
from torch import nn

from models.bitserial_layers import BitserialConv2d
from models.config import GroupNetConfig
from models.fusion import Fusion
from models.layers import BinaryConv2d


def base_conv(
    config: GroupNetConfig,
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    *,
    stride: int = 1,
    rate: int = 1,
) -> BinaryConv2d | BitserialConv2d:
    """A convolution of dilation `rate` with binary weights, of signs or of `config.activation_bits`."""
    if config.activation_bits > 1:
        return BitserialConv2d(
            in_channels,
            out_channels,
            kernel_size,
            stride=stride,
            dilation=rate,
            activation_bits=config.activation_bits,
            straight_through="clipped",
            precision=config.precision,
        )
    return BinaryConv2d(
        in_channels,
        out_channels,
        kernel_size,
        stride=stride,
        dilation=rate,
        pad_value=config.pad_value,
        precision=config.precision,
        scale=config.weight_scale,
    )


class LayerDecomposition(nn.Module):
    """One convolution rebuilt from K binary ones that share its input (layer-wise, LBD)."""

    def __init__(
        self,
        config: GroupNetConfig,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        rate: int = 1,
    ) -> None:
        """Make K convolutions of dilation `rate` and their fusion."""
        super().__init__()
        self.bases = nn.ModuleList(
            base_conv(config, in_channels, out_channels, kernel_size, stride=stride, rate=rate)
            for _ in range(config.bases)
        )
        self.fusion = Fusion(config.bases, config.fusion)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve [N, C, H, W] to [N, O, OH, OW]."""
        fused: torch.Tensor = self.fusion([base(x) for base in self.bases])
        return fused


def branch_conv(
    config: GroupNetConfig,
    in_channels: int,
    out_channels: int,
    kernel_size: int,
    *,
    stride: int = 1,
    rate: int = 1,
) -> nn.Module:
    """A convolution inside a branch: of one base, or decomposed itself where each layer is a group."""
    make = LayerDecomposition if config.group == "layer" else base_conv
    return make(config, in_channels, out_channels, kernel_size, stride=stride, rate=rate)
