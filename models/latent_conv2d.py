"""`LatentConv2d`, what convolutions with latent weights have in common: the parameter and the geometry."""

import torch
from torch import nn

from models.config import Precision


class LatentConv2d(nn.Module):
    """A square convolution's float weights, of which its forward pass takes the signs.

    Args:
        in_channels: C of x [N, C, H, W].
        out_channels: O of the result [N, O, OH, OW].
        kernel_size: Taps in each direction; the padding keeps the size at stride 1.
        stride: Step in pixels, in both directions.
        dilation: Distance of the taps in pixels, in both directions.
        precision: `binary`, `tanh` or `float`; the parameter's name and shape are the same in each.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        *,
        stride: int,
        dilation: int,
        precision: Precision,
    ) -> None:
        """Allocate latent weights [O, C, KH, KW] and draw them Xavier-uniform, as the official code does."""
        super().__init__()
        self.stride = stride
        self.dilation = dilation
        self.padding = dilation * (kernel_size - 1) // 2
        self.precision = precision
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, kernel_size, kernel_size))
        nn.init.xavier_uniform_(self.weight)
