"""The deployed form of a network: its binary convolutions hold signs and a scale, not latent weights."""

import copy

import torch
from torch import nn

from models.binarize import sign, weight_scale
from models.layers import BinaryConv2d, binary_convolution


class SignConv2d(nn.Module):
    """`alpha * conv2d(pad(sign(x)), S)` with fixed signs S [O, C, KH, KW] (+-1, float32) and scalar alpha.

    Both are buffers. Exported, it is one `binary_conv2d` and one multiplication.
    """

    weight: torch.Tensor
    alpha: torch.Tensor

    def __init__(
        self,
        weight: torch.Tensor,
        alpha: torch.Tensor,
        *,
        stride: int,
        padding: int,
        dilation: int,
        pad_value: int,
    ) -> None:
        """Take signs and scale as they are."""
        super().__init__()
        self.stride = stride
        self.padding = padding
        self.dilation = dilation
        self.pad_value = pad_value
        self.register_buffer("weight", weight)
        self.register_buffer("alpha", alpha)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve [N, C, H, W] to [N, O, OH, OW]."""
        y = binary_convolution(
            x, self.weight, self.stride, self.padding, self.pad_value, dilation=self.dilation
        )
        return y * self.alpha


def deploy(model: nn.Module) -> nn.Module:
    """A copy of `model` in evaluation mode with `SignConv2d` for `BinaryConv2d`; its outputs are the same.

    Convolutions of precision `tanh` and `float` have no signs to keep and stay as they are.
    """
    deployed = copy.deepcopy(model).eval().requires_grad_(False)
    for parent in list(deployed.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, BinaryConv2d) and child.precision == "binary":
                setattr(parent, name, _sign_conv(child))
    return deployed


def _sign_conv(conv: BinaryConv2d) -> SignConv2d:
    weight = conv.weight.detach()
    return SignConv2d(
        sign(weight),
        weight_scale(weight),
        stride=conv.stride,
        padding=conv.padding,
        dilation=conv.dilation,
        pad_value=conv.pad_value,
    ).eval()
