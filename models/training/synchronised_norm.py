"""Batch norm over the batch of all processes, so that several train as one does.

torch's own `SyncBatchNorm` runs on GPUs alone and is used there; this one is for the CPU.
"""

from typing import Any

import torch
import torch.distributed
from torch import nn


class SynchronisedBatchNorm2d(nn.BatchNorm2d):
    """`nn.BatchNorm2d` whose mean and variance in training are those of all processes' images together.

    The variance is taken around the common mean, in a second exchange: a difference of squares would lose
    digits.
    """

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Normalise [N, C, H, W]; every process must call it as often."""
        if not self.training:
            return super().forward(input)
        pixels = input.new_tensor([input.numel() / input.shape[1]])
        sums = _sum(torch.cat([input.sum((0, 2, 3)), pixels]))
        count = sums[-1].detach()
        mean = sums[:-1] / count
        centred = input - mean[:, None, None]
        variance = _sum((centred * centred).sum((0, 2, 3))) / count
        self._track(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return centred * scale[:, None, None] + self.bias[:, None, None]

    @torch.no_grad()
    def _track(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None and self.momentum is not None
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


def synchronise_batch_norm(model: nn.Module, device: torch.device) -> nn.Module:
    """`model` with every batch norm joined over processes; parameters, buffers and their names stay."""
    if device.type == "cuda":
        synchronised: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return synchronised
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.BatchNorm2d:
                setattr(parent, name, _joined(child))
    return model


def _joined(norm: nn.BatchNorm2d) -> SynchronisedBatchNorm2d:
    joined = SynchronisedBatchNorm2d(norm.num_features, norm.eps, norm.momentum)
    joined.weight, joined.bias = norm.weight, norm.bias
    for name, buffer in norm.named_buffers(recurse=False):
        setattr(joined, name, buffer)
    return joined.train(norm.training)


class _SumOverProcesses(torch.autograd.Function):
    """The sum of all processes' tensors; each one's gradient is the sum of all processes' gradients."""

    @staticmethod
    def forward(ctx: Any, values: torch.Tensor) -> torch.Tensor:
        del ctx  # Nothing to keep: the sum is linear.
        total = values.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, grad: torch.Tensor) -> torch.Tensor:
        del ctx
        total = grad.clone()
        torch.distributed.all_reduce(total)
        return total


def _sum(values: torch.Tensor) -> torch.Tensor:
    total: torch.Tensor = _SumOverProcesses.apply(values)  # type: ignore[no-untyped-call]  # torch's
    return total
