"""The binarizers of Group-Net: signs, the gradient that stands in for theirs, and the weight scale.

Bit convention: +1 is bit 1, -1 is bit 0, and sign(0) = +1 (also for -0.0), so that every value is one true
bit.
"""

import torch


def sign(x: torch.Tensor) -> torch.Tensor:
    """+1 where `x >= 0` and -1 elsewhere, in the shape, dtype and device of `x`.

    `torch.sign` gives 0 at 0, a third value that one bit cannot hold. NaN compares false and becomes -1.
    """
    return torch.where(x >= 0, 1.0, -1.0).to(x.dtype)


def sign_gradient(x: torch.Tensor) -> torch.Tensor:
    """The stand-in for d sign(x) / dx: 2 + 2x on [-1, 0), 2 - 2x on [0, 1), 0 elsewhere.

    The piecewise polynomial of Bi-Real Net (Liu et al., ECCV 2018), as Group-Net's official code uses it.
    """
    inside = (x >= -1) & (x < 1)
    return torch.where(inside, 2 - 2 * x.abs(), torch.zeros_like(x))


def weight_scale(weight: torch.Tensor) -> torch.Tensor:
    """The scale alpha = mean |W| over the whole weight tensor: a scalar (shape []), without gradient.

    Group-Net takes one scalar per convolution and base, not one per output channel, and sends no gradient
    through it.
    """
    return weight.detach().abs().mean()
