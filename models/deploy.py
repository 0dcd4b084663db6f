"""The deployed form of a network: its binary convolutions hold signs and a scale, not latent weights."""

import copy

import torch
from torch import nn

from models.binarize import sign
from models.bitserial_layers import BitserialConv2d, SignBitserialConv2d
from models.expert_bank import SelectedExperts
from models.experts import ExpertGroup
from models.layers import BinaryConv2d, binary_convolution


class SignConv2d(nn.Module):
    """`alpha * conv2d(pad(sign(x)), S)` with fixed signs S [O, C, KH, KW] (+-1, float32).

    alpha is a scalar or [O, 1, 1]. Both are buffers. Exported, it is one `binary_conv2d` and one
    multiplication.
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
    """A copy of `model` in evaluation mode that holds signs for latent weights; its outputs are the same.

    `BinaryConv2d` becomes `SignConv2d` and `BitserialConv2d` becomes `SignBitserialConv2d`, except those of
    precision `tanh` and `float`, which have no signs to keep. `ExpertGroup` becomes `SelectedExperts`, which
    runs the chosen branches alone and adds them up in another order, so that its outputs are the same to
    rounding.
    """
    deployed = copy.deepcopy(model).eval().requires_grad_(False)
    for parent in list(deployed.modules()):
        for name, child in list(parent.named_children()):
            if not isinstance(child, Latent) or child.precision != "binary":
                continue
            signs = _sign_conv(child) if isinstance(child, BinaryConv2d) else SignBitserialConv2d(child)
            setattr(parent, name, signs.eval())
    for parent in list(deployed.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, ExpertGroup):
                setattr(parent, name, SelectedExperts(child).eval())
    return deployed


def _sign_conv(conv: BinaryConv2d) -> SignConv2d:
    weight = conv.weight.detach()
    return SignConv2d(
        sign(weight),
        conv.alpha(),
        stride=conv.stride,
        padding=conv.padding,
        dilation=conv.dilation,
        pad_value=conv.pad_value,
    )


Latent = BinaryConv2d | BitserialConv2d
"""The convolutions that `deploy` replaces (where their precision is `binary`), ..."""

Deployed = SignConv2d | SignBitserialConv2d
"""... and what it puts in their place: `weight` holds signs."""
