"""Dynamic branches: a group of E experts that runs the K of them that suit its input.

The IJCV 2022 abstract of Group-Net (arXiv 1909.09934) names sparse binary branches that are chosen by the
input at preserved cost, and nothing more is published about them. What follows is our design:

    p = softmax(top_K(W mean(xbar) + b))         over the K largest of E logits
    G(xbar) = sum_k p_k G_e(k)(xbar)             e(k): the expert of the k-th largest logit

which equals a softmax over all E, of which the K largest stay and are scaled to sum to 1.
"""

from collections.abc import Sequence
from functools import reduce

import torch
from torch import nn

from models.config import GroupNetConfig
from models.groups import BlockBranches


class ExpertSelector(nn.Module):
    """Which K of E experts run for each image, and what each adds: a linear layer on the mean of each map."""

    def __init__(self, channels: int, experts: int, kept: int) -> None:
        """Make the linear layer of `channels` to `experts` logits, of which `kept` count."""
        super().__init__()
        self.kept = kept
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.logits = nn.Linear(channels, experts)

    def forward(self, fused: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Map [N, C, H, W] to weights float32 [N, K], which sum to 1, and experts int64 [N, K]."""
        best = torch.topk(self.logits(self.pool(fused).flatten(1)), self.kept, dim=1)
        return torch.softmax(best.values, 1), best.indices


class ExpertGroup(nn.Module):
    """Residual blocks of E branches each, of which K count for an image: the form that is trained.

    All E run, for a batch needs different ones for each of its images; `deploy` gives the form of K branches.
    Only experts that were chosen learn, and the selector learns through their weights alone. Nothing balances
    the choices.
    """

    def __init__(self, config: GroupNetConfig, blocks: Sequence[BlockBranches]) -> None:
        """Put `blocks`, made with E branches, in sequence."""
        super().__init__()
        self.selector = ExpertSelector(blocks[0].in_channels, config.experts, config.bases)
        self.blocks = nn.ModuleList(blocks)

    def forward(
        self, _outputs: list[torch.Tensor], fused: torch.Tensor
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Map the last group's fusion to this group's; branches hand on nothing of their own."""
        weights, experts = self.selector(fused)
        outputs = [fused]
        for block in self.blocks:
            outputs = block(outputs)
        dense = weights.new_zeros(len(weights), len(outputs)).scatter(1, experts, weights)
        terms = [y * weight.reshape(-1, 1, 1, 1) for y, weight in zip(outputs, dense.unbind(1), strict=True)]
        fused = reduce(torch.add, terms)
        return [fused], fused
