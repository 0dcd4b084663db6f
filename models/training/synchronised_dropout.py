"""Dropout over the batch of all processes, so that several drop the channels that one does."""

import torch
import torch.distributed
from torch import nn

from models.training.task import Shard


class SynchronisedDropout2d(nn.Dropout2d):
    """`nn.Dropout2d` that draws for the images of all processes together and takes its own images' part.

    The batch's images must be dealt out in order, the first ones to the first process, and every process must
    have seeded torch's generator alike.
    """

    def __init__(self, p: float, shard: Shard) -> None:
        """Drop each channel with probability `p`, as the process that `shard` says."""
        super().__init__(p)
        self._shard = shard

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Drop channels of [N, C, H, W] in training; every process must call it as often."""
        if not self.training:
            return input
        counts = torch.zeros(self._shard.world, dtype=torch.int64, device=input.device)
        counts[self._shard.rank] = len(input)
        torch.distributed.all_reduce(counts)
        images = counts.tolist()
        first, keep = sum(images[: self._shard.rank]), 1 - self.p
        # As torch draws it, number by number, so that one process has the same mask.
        mask = input.new_empty(sum(images), input.shape[1], 1, 1).bernoulli_(keep).div_(keep)
        return input * mask[first : first + len(input)]


def synchronise_dropout(model: nn.Module, shard: Shard) -> nn.Module:
    """`model` with every dropout of channels joined over processes."""
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Dropout2d:
                setattr(parent, name, SynchronisedDropout2d(child.p, shard).train(child.training))
    return model
