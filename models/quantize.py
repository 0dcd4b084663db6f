"""Activations of a few bits: DoReFa's quantizer as integer levels, and what passes its gradient."""

from typing import Any

import torch


def levels(x: torch.Tensor, activation_bits: int) -> torch.Tensor:
    """`round((2^k - 1) * clamp(x, 0, 1))`, integers in the dtype of `x`; NaN is level 0.

    DoReFa-Net (Zhou et al., arXiv 1606.06160, equation 5) before its division by 2^k - 1. Halves round to
    even, the one rounding that PyTorch, NumPy and the kernels share; with one bit, 1/2 is level 0.
    """
    return torch.round(x.nan_to_num(nan=0.0).clamp(0, 1) * largest_level(activation_bits))


def largest_level(activation_bits: int) -> int:
    """`2^k - 1`, the level that stands for 1."""
    return (1 << activation_bits) - 1


def inside_unit_interval(x: torch.Tensor) -> torch.Tensor:
    """Where the clipped straight-through gradient passes: 0 <= x <= 1."""
    return (x >= 0) & (x <= 1)


class _ClampForward(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, x: torch.Tensor) -> torch.Tensor:
        return x.clamp(0, 1)

    @staticmethod
    def backward(_ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        return grad


def clamp_straight_through(x: torch.Tensor) -> torch.Tensor:
    """`clamp(x, 0, 1)` with the gradient of the identity, also outside of [0, 1]."""
    y: torch.Tensor = _ClampForward.apply(x)  # type: ignore[no-untyped-call]
    return y
