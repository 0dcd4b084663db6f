"""The deployed form of dynamic branches: all experts' weights in banks, K branches that run.

A bank is one branch whose every tensor has the experts as a first axis: signs [E, O, C, KH, KW], scales [E]
and the affines of batch norms [E, C, 1, 1]. For an image the K chosen rows are gathered and the branch runs
with each of them, so that the cost is that of K bases whatever E is. Exported for one image, a group is

    mean, linear, topk, softmax                          the selector
    index_select(bank, 0, experts), select(.., k)        for each tensor of a branch
    binary_conv2d(x, gathered signs) * gathered alpha    and the rest of the branch, K times
    add(mul(y_k, weight_k))

where no weight of a branch's convolutions and no affine is a constant any more.
"""

import copy
from collections.abc import Sequence
from functools import reduce

import torch
from torch import nn
from torch.func import functional_call

from models.experts import ExpertGroup
from models.groups import BlockBranches

Tensors = dict[str, torch.Tensor]


class ChannelAffine(nn.Module):
    """`x * scale + shift` with one of each for a channel, [C, 1, 1]: a batch norm that learns no more."""

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        """Fold the statistics of `norm` into its affine."""
        super().__init__()
        mean, variance = norm.running_mean, norm.running_var
        assert mean is not None and variance is not None
        scale = norm.weight / torch.sqrt(variance + norm.eps)
        self.scale = nn.Parameter(scale.detach().reshape(-1, 1, 1), requires_grad=False)
        shift = norm.bias - mean * scale
        self.shift = nn.Parameter(shift.detach().reshape(-1, 1, 1), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale and shift [N, C, H, W]."""
        return x * self.scale + self.shift


class BankedBlock(nn.Module):
    """A residual block of which the chosen branches run; the shortcut is one for all, as before."""

    def __init__(self, block: BlockBranches) -> None:
        """Take the E deployed branches of `block` into one bank."""
        super().__init__()
        self.bank = _stacked(list(block.branches))
        self.shortcut = block.shortcut

    def forward(self, inputs: Sequence[torch.Tensor], experts: torch.Tensor) -> list[torch.Tensor]:
        """Map one tensor that all branches read, or one for each of K, to K outputs; `experts` int64 [K]."""
        count = len(experts)
        residuals = [self.shortcut(x) for x in inputs]
        if len(inputs) == 1:
            inputs, residuals = list(inputs) * count, residuals * count
        bank = {**dict(self.bank.named_parameters()), **dict(self.bank.named_buffers())}
        chosen = {name: tensor.index_select(0, experts).unbind(0) for name, tensor in bank.items()}
        return [
            functional_call(
                self.bank, {name: rows[k] for name, rows in chosen.items()}, (inputs[k], residuals[k])
            )
            for k in range(count)
        ]


class SelectedExperts(nn.Module):
    """The deployed form of an `ExpertGroup`: images one by one, each through its own K branches."""

    def __init__(self, group: ExpertGroup) -> None:
        """Take selector and blocks of `group`, whose convolutions are deployed already."""
        super().__init__()
        self.selector = group.selector
        self.blocks = nn.ModuleList(BankedBlock(block) for block in _blocks(group))

    def forward(
        self, _outputs: list[torch.Tensor], fused: torch.Tensor
    ) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Map the last group's fusion to this group's."""
        if len(fused) == 1:
            fused = self._of_one_image(fused)
        else:
            fused = torch.cat([self._of_one_image(image.unsqueeze(0)) for image in fused.unbind()])
        return [fused], fused

    def _of_one_image(self, fused: torch.Tensor) -> torch.Tensor:
        weights, experts = self.selector(fused)
        outputs = [fused]
        for block in self.blocks:
            outputs = block(outputs, experts[0])
        terms = [y * weight for y, weight in zip(outputs, weights[0].unbind(), strict=True)]
        total: torch.Tensor = reduce(torch.add, terms)
        return total


def _blocks(group: ExpertGroup) -> list[BlockBranches]:
    return [block for block in group.blocks if isinstance(block, BlockBranches)]


def _stacked(branches: list[nn.Module]) -> nn.Module:
    """One branch that holds the tensors of all, stacked along a new first axis; of use row by row alone."""
    folded = [_without_norms(branch) for branch in branches]
    states = [{**dict(b.named_parameters()), **dict(b.named_buffers())} for b in folded]
    bank = folded[0]
    for name in states[0]:
        path, _, leaf = name.rpartition(".")
        tensor = torch.stack([state[name].detach() for state in states])
        owner = bank.get_submodule(path)
        is_parameter = isinstance(states[0][name], nn.Parameter)
        setattr(owner, leaf, nn.Parameter(tensor, requires_grad=False) if is_parameter else tensor)
    return bank


def _without_norms(branch: nn.Module) -> nn.Module:
    folded = copy.deepcopy(branch)
    for parent in list(folded.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, name, ChannelAffine(child))
    return folded
