"""What one base computes in a residual block: the branches that Group-Net runs K of.

All map x [N, C, H, W] and a residual that has the result's shape already to [N, O, OH, OW], with the stride
and the dilation in their 3x3 convolutions.
"""

import torch
from torch import nn

from models.base_conv import branch_conv
from models.config import BLOCK_EXPANSION, GroupNetConfig


class ResidualBranch(nn.Module):
    """Two 3x3 convolutions with a skip each: `h = BN(ReLU(conv(x))) + residual`, `y = BN(ReLU(conv(h))) + h`.

    The order convolution, ReLU, batch norm, add and the absence of a ReLU after the add are the official
    code's.
    """

    def __init__(
        self, config: GroupNetConfig, in_channels: int, out_channels: int, stride: int, rate: int
    ) -> None:
        """Make the convolutions of dilation `rate`, decomposed themselves where the group is a layer."""
        super().__init__()
        self.conv1 = branch_conv(config, in_channels, out_channels, 3, stride=stride, rate=rate)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = branch_conv(config, out_channels, out_channels, 3, rate=rate)
        self.bn2 = nn.BatchNorm2d(out_channels)

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Map x [N, C, H, W] to [N, O, OH, OW]; `residual` already has the shape of the result."""
        hidden = self.bn1(torch.relu(self.conv1(x))) + residual
        y: torch.Tensor = self.bn2(torch.relu(self.conv2(hidden))) + hidden
        return y


class BottleneckBranch(nn.Module):
    """A 1x1, a 3x3 and a 1x1 convolution, the middle two of a quarter of the channels.

        h1 = BN(ReLU(conv1x1(x)))            C to O/4: no skip can fit
        h2 = BN(ReLU(conv3x3(h1))) + h1      + h1 at stride 1 alone
        y  = BN(ReLU(conv1x1(h2))) + residual

    The order within is `ResidualBranch`'s. The papers report ResNet-50 and the official code names a
    bottleneck without defining it, so that the skips are our design: an identity around each convolution that
    keeps its shape, none where channels or size change, and the block's residual around all three. Nothing
    is repeated, cut or averaged over channels to make a skip fit.
    """

    def __init__(
        self, config: GroupNetConfig, in_channels: int, out_channels: int, stride: int, rate: int
    ) -> None:
        """Make the convolutions, decomposed themselves where the group is a layer."""
        super().__init__()
        narrow = out_channels // BLOCK_EXPANSION["bottleneck"]
        self.conv1 = branch_conv(config, in_channels, narrow, 1)
        self.bn1 = nn.BatchNorm2d(narrow)
        self.conv2 = branch_conv(config, narrow, narrow, 3, stride=stride, rate=rate)
        self.bn2 = nn.BatchNorm2d(narrow)
        self.conv3 = branch_conv(config, narrow, out_channels, 1)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.skips = stride == 1

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Map x [N, C, H, W] to [N, O, OH, OW]; `residual` already has the shape of the result."""
        narrow = self.bn1(torch.relu(self.conv1(x)))
        hidden = self.bn2(torch.relu(self.conv2(narrow)))
        if self.skips:
            hidden = hidden + narrow
        y: torch.Tensor = self.bn3(torch.relu(self.conv3(hidden))) + residual
        return y


class BiRealBranch(nn.Module):
    """Bi-Real Net's block (Liu et al., ECCV 2018): `h = BN(conv(sign(x))) + residual`, `y` alike from h.

    Signs are the only nonlinearity, so that the float twin takes ReLU in their place; `tanh` is one itself.
    Zero padding, which would be a third value, is the border of +-1 of all our binary convolutions.
    """

    def __init__(
        self, config: GroupNetConfig, in_channels: int, out_channels: int, stride: int, rate: int
    ) -> None:
        """Make the convolutions, decomposed themselves where the group is a layer."""
        super().__init__()
        self.conv1 = branch_conv(config, in_channels, out_channels, 3, stride=stride, rate=rate)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = branch_conv(config, out_channels, out_channels, 3, rate=rate)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.activate = _stand_in(config)

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Map x [N, C, H, W] to [N, O, OH, OW]; `residual` already has the shape of the result."""
        hidden = self.bn1(self.conv1(self.activate(x))) + residual
        y: torch.Tensor = self.bn2(self.conv2(self.activate(hidden))) + hidden
        return y


class XnorBranch(nn.Module):
    """XNOR-Net's order (Rastegari et al., ECCV 2016): `y = conv(sign(BN(conv(sign(BN(x)))))) + residual`.

    One skip goes around the block. The paper's scales of activations are left out: they cost a float
    convolution. The float twin has ReLU for signs, which makes it the pre-activation ResNet.
    """

    def __init__(
        self, config: GroupNetConfig, in_channels: int, out_channels: int, stride: int, rate: int
    ) -> None:
        """Make the convolutions, decomposed themselves where the group is a layer."""
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = branch_conv(config, in_channels, out_channels, 3, stride=stride, rate=rate)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.conv2 = branch_conv(config, out_channels, out_channels, 3, rate=rate)
        self.activate = _stand_in(config)

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        """Map x [N, C, H, W] to [N, O, OH, OW]; `residual` already has the shape of the result."""
        hidden = self.conv1(self.activate(self.bn1(x)))
        y: torch.Tensor = self.conv2(self.activate(self.bn2(hidden))) + residual
        return y


def _stand_in(config: GroupNetConfig) -> nn.Module:
    """What a block whose only nonlinearity are its signs does to an activation before binarising it."""
    return nn.ReLU() if config.precision == "float" else nn.Identity()


_BRANCHES: dict[str, type[ResidualBranch | BottleneckBranch | BiRealBranch | XnorBranch]] = {
    "basic": ResidualBranch,
    "bottleneck": BottleneckBranch,
    "bireal": BiRealBranch,
    "xnor": XnorBranch,
}


def make_branch(
    config: GroupNetConfig, in_channels: int, out_channels: int, stride: int, rate: int
) -> nn.Module:
    """One branch of the block that `config` names."""
    return _BRANCHES[config.block](config, in_channels, out_channels, stride, rate)
