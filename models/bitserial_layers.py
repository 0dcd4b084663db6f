"""`BitserialConv2d`, a convolution of k-bit activations and binary weights, latent and deployed."""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import nn

from models.binarize import sign, weight_scale
from models.bitserial_conv2d import bitserial_conv2d
from models.config import Precision
from models.latent_conv2d import LatentConv2d
from models.layers import straight_through_weight
from models.quantize import clamp_straight_through, largest_level

StraightThrough = Literal["clipped", "identity"]


class BitserialConv2d(LatentConv2d):
    """A square convolution without bias: `alpha * conv2d(q(x), sign(W))`, alpha = mean |W|, zero padding.

    `q(x) = round((2^k - 1) clamp(x, 0, 1)) / (2^k - 1)` is DoReFa-Net's quantizer (arXiv 1606.06160), which
    Group-Net's ancestor (arXiv 1808.02631) pairs with binary weights. With one bit q is in {0, 1}, the
    activation of the official code's binary ASPP head.

    Other precisions keep the parameter's name and shape: `tanh` pre-trains with q without its rounding
    (`conv2d(clamp(x, 0, 1), W)`), `float` is the float twin (`conv2d(x, W)`); both pad with zeros.

    Args:
        in_channels: C of x [N, C, H, W].
        out_channels: O of the result [N, O, OH, OW].
        kernel_size: Taps in each direction; the padding keeps the size at stride 1.
        stride: Step in pixels, in both directions.
        dilation: Distance of the taps in pixels, in both directions.
        activation_bits: k, 1 to 4.
        straight_through: The gradient of q in training: `clipped` is 1 within [0, 1] and 0 elsewhere
            (DoReFa-Net), `identity` is 1 everywhere (the official code's ASPP head). The exported operator
            knows nothing of it.
        precision: `binary`, `tanh` or `float`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        activation_bits: int = 1,
        straight_through: StraightThrough = "clipped",
        precision: Precision = "binary",
    ) -> None:
        """Allocate and draw the latent weights; see `LatentConv2d`."""
        super().__init__(
            in_channels, out_channels, kernel_size, stride=stride, dilation=dilation, precision=precision
        )
        self.activation_bits = activation_bits
        self.straight_through = straight_through

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve [N, C, H, W] to [N, O, OH, OW]."""
        passes_everywhere = self.training and self.straight_through == "identity"
        if self.precision != "binary":
            if self.precision == "tanh":
                x = clamp_straight_through(x) if passes_everywhere else x.clamp(0, 1)
            return F.conv2d(x, self.weight, stride=self.stride, padding=self.padding, dilation=self.dilation)
        if passes_everywhere:
            # The operator's clipped gradient passes everything that is in [0, 1] already.
            x = clamp_straight_through(x)
        alpha = weight_scale(self.weight)
        weight = straight_through_weight(self.weight, alpha) if self.training else self.weight
        return _bitserial_convolution(self, x, weight) * (alpha / largest_level(self.activation_bits))

    def extra_repr(self) -> str:
        """Shape and attributes for `repr`."""
        out_channels, in_channels, kernel_size, _ = self.weight.shape
        return (
            f"{in_channels}, {out_channels}, kernel_size={kernel_size}, stride={self.stride}, "
            f"dilation={self.dilation}, activation_bits={self.activation_bits}, "
            f"straight_through={self.straight_through}, precision={self.precision}"
        )


class SignBitserialConv2d(nn.Module):
    """`scale * conv2d(levels(x), S)` with fixed signs S [O, C, KH, KW] (+-1, float32).

    The scalar scale is `alpha / (2^k - 1)`. Both are buffers. Exported, it is one `bitserial_conv2d` and one
    multiplication.
    """

    weight: torch.Tensor
    scale: torch.Tensor

    def __init__(self, conv: BitserialConv2d) -> None:
        """Take the signs, the scale and the geometry of a latent convolution of precision `binary`."""
        super().__init__()
        self.stride = conv.stride
        self.padding = conv.padding
        self.dilation = conv.dilation
        self.activation_bits = conv.activation_bits
        weight = conv.weight.detach()
        self.register_buffer("weight", sign(weight))
        self.register_buffer("scale", weight_scale(weight) / largest_level(conv.activation_bits))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve [N, C, H, W] to [N, O, OH, OW]."""
        return _bitserial_convolution(self, x, self.weight) * self.scale


def _bitserial_convolution(
    conv: BitserialConv2d | SignBitserialConv2d, x: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    y: torch.Tensor = bitserial_conv2d(
        x, weight, [conv.stride] * 2, [conv.padding] * 2, [conv.dilation] * 2, conv.activation_bits
    )
    return y
