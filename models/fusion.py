"""How branches meet: `Fusion` rebuilds a group from K outputs, `SoftConnection` feeds the next group."""

from collections.abc import Sequence
from functools import reduce

import torch
from torch import nn

from models import config


class Fusion(nn.Module):
    """`sum_k lambda_k y_k`, with lambda_k learned (CVPR 2019) or fixed at 1/K (IJCV 2022)."""

    def __init__(self, bases: int, kind: config.Fusion) -> None:
        """Draw `bases` scalars from U(0, 1) for `learned`; `average` has no parameters."""
        super().__init__()
        self.bases = bases
        self.scale = nn.Parameter(torch.rand(bases)) if kind == "learned" else None

    def forward(self, outputs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Fuse K tensors of one shape into one.

        The sum is never taken in place: the tensors are also the branches' own outputs, which a soft
        connection still reads. (The official code adds into the first of them, so that its base 0 hands on
        the sum of all bases.)
        """
        if self.scale is not None:
            outputs = [y * scale for y, scale in zip(outputs, self.scale.unbind(), strict=True)]
            return reduce(torch.add, outputs)
        return reduce(torch.add, outputs) * (1 / self.bases) if self.bases > 1 else outputs[0]


class SoftConnection(nn.Module):
    """How far a branch stays on its own (CVPR 2019): `x_k = s y_k + (1 - s) xbar`, `s = sigmoid(theta)`."""

    def __init__(self, bases: int, kind: config.Gate) -> None:
        """Draw theta from U(0, 1): one scalar for `block`, one for each base for `base`."""
        super().__init__()
        self.bases = bases
        self.theta = nn.Parameter(torch.rand(bases if kind == "base" else 1))

    def forward(self, outputs: Sequence[torch.Tensor], fused: torch.Tensor) -> list[torch.Tensor]:
        """The K inputs of the next group from the K outputs of the last one and their fusion `xbar`."""
        gates = torch.sigmoid(self.theta).unbind()
        if len(gates) == 1:
            gates = gates * self.bases
        return [gate * y + (1 - gate) * fused for gate, y in zip(gates, outputs, strict=True)]
