"""`BinaryConv2d`, the convolution of a branch with latent weights, in each of three precisions."""

import torch
import torch.nn.functional as F

from models.binarize import channel_scales, weight_scale
from models.binary_conv2d import binary_conv2d
from models.config import Precision, WeightScale
from models.latent_conv2d import LatentConv2d


class BinaryConv2d(LatentConv2d):
    """A square convolution without bias: `alpha * conv2d(pad(sign(x)), sign(W))`, alpha = mean |W|.

    Other precisions keep the parameter's name and shape, so that weights move from one to the next:
    `tanh` pre-trains (`conv2d(pad(tanh(x)), W)`), `float` is the float twin (`conv2d(x, W)`, zero padding).

    Args:
        in_channels: C of x [N, C, H, W].
        out_channels: O of the result [N, O, OH, OW].
        kernel_size: Taps in each direction; the padding keeps the size at stride 1.
        stride: Step in pixels, in both directions.
        dilation: Distance of the taps in pixels, in both directions.
        pad_value: +1 or -1, the value of the border around binarised (or tanh) activations.
        precision: `binary`, `tanh` or `float`.
        scale: alpha is the mean over the whole `tensor` (Group-Net), or over each output `channel`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int = 1,
        dilation: int = 1,
        pad_value: int = 1,
        precision: Precision = "binary",
        scale: WeightScale = "tensor",
    ) -> None:
        """Allocate and draw the latent weights; see `LatentConv2d`."""
        super().__init__(
            in_channels, out_channels, kernel_size, stride=stride, dilation=dilation, precision=precision
        )
        self.pad_value = pad_value
        self.scale = scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Convolve [N, C, H, W] to [N, O, OH, OW]."""
        if self.precision == "float":
            return F.conv2d(x, self.weight, stride=self.stride, padding=self.padding, dilation=self.dilation)
        if self.precision == "tanh":
            padded = F.pad(x.tanh(), (self.padding,) * 4, value=float(self.pad_value))
            return F.conv2d(padded, self.weight, stride=self.stride, dilation=self.dilation)
        alpha = self.alpha()
        weight = straight_through_weight(self.weight, alpha) if self.training else self.weight
        y = binary_convolution(x, weight, self.stride, self.padding, self.pad_value, dilation=self.dilation)
        return y * alpha

    def alpha(self) -> torch.Tensor:
        """What one product of signs is worth: a scalar, or [O, 1, 1] with one scale for each channel."""
        return channel_scales(self.weight) if self.scale == "channel" else weight_scale(self.weight)

    def extra_repr(self) -> str:
        """Shape and attributes for `repr`."""
        out_channels, in_channels, kernel_size, _ = self.weight.shape
        return (
            f"{in_channels}, {out_channels}, kernel_size={kernel_size}, stride={self.stride}, "
            f"dilation={self.dilation}, "
            f"pad_value={self.pad_value:+d}, precision={self.precision}, scale={self.scale}"
        )


def straight_through_weight(weight: torch.Tensor, alpha: torch.Tensor) -> torch.Tensor:
    """`W / alpha`, of the signs of the latent weight W, for training through an operator that takes signs.

    The paper's straight-through estimator is the identity from `Wb = alpha * sign(W)` to W. The operators'
    is the identity from sign(w) to w and alpha comes after them, which would scale dL/dW by alpha; `w = W /
    alpha` undoes that. Only training pays for it: the exported graph holds W itself.
    """
    # Scales of channels, [O, 1, 1], get the axis of the input channels that weights [O, C, KH, KW] have.
    divisor = alpha.unsqueeze(-1) if alpha.dim() else alpha
    return weight / divisor.clamp_min(torch.finfo(alpha.dtype).tiny)


def binary_convolution(
    x: torch.Tensor, weight: torch.Tensor, stride: int, padding: int, pad_value: int, *, dilation: int
) -> torch.Tensor:
    """`binary_conv2d` with equal stride, padding and dilation in both directions."""
    y: torch.Tensor = binary_conv2d(x, weight, [stride] * 2, [padding] * 2, [dilation] * 2, pad_value)
    return y
