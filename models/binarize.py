"""The binarizers of Group-Net: signs, the gradient that stands in for theirs, and the weight scale.

Bit convention: +1 is bit 1, -1 is bit 0, and sign(0) = +1 (also for -0.0), so that every value is one true
bit.
"""

import torch


def sign(x: torch.Tensor) -> torch.Tensor:
    """+1 where `x >= 0` and -1 elsewhere, in the shape, dtype and device of `x`.

    `torch.sign` gives 0 at 0, a third value that one bit cannot hold. NaN compares false and becomes -1.
    """
    # A comparison that writes numbers is vectorised; `torch.where` with two scalars takes ten times as long.
    with torch.no_grad():
        return torch.ge(x, 0, out=torch.empty_like(x)).mul_(2).sub_(1)


def sign_gradient(x: torch.Tensor) -> torch.Tensor:
    """The stand-in for d sign(x) / dx: 2 + 2x on [-1, 0), 2 - 2x on [0, 1), 0 elsewhere.

    The piecewise polynomial of Bi-Real Net (Liu et al., ECCV 2018), as Group-Net's official code uses it.
    """
    # Outside [-1, 1) the line 2 - 2|x| is not above 0.
    return x.abs().mul_(-2).add_(2).clamp_min_(0)


def channel_scales(weight: torch.Tensor) -> torch.Tensor:
    """The scales mean |W[o]| of each output channel, [O, 1, 1], without gradient (XNOR-Net, Bi-Real Net)."""
    return weight.detach().abs().mean((1, 2, 3)).reshape(-1, 1, 1)


def weight_scale(weight: torch.Tensor) -> torch.Tensor:
    """The scale alpha = mean |W| over the whole weight tensor: a scalar (shape []), without gradient.

    Group-Net takes one scalar per convolution and base, not one per output channel, and sends no gradient
    through it.
    """
    return weight.detach().abs().mean()
