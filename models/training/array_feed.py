"""Batches from images that fit into memory, augmented as tensors."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from models.training.task import Batch, EpochKey, Shard

Augmentation = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
"""A batch [N, C, H, W] and the epoch's generator to a batch of the same shape."""

_TEST_BATCH = 128


@dataclass(frozen=True)
class ArrayFeed:
    """Both splits as tensors: normalised images, float32 [N, C, H, W], and class numbers, int64 [N].

    One generator for each epoch draws the order, then the changes of one batch after the other. Each of
    several processes draws them for the whole batch and takes its part, the first process the first images.
    """

    images: torch.Tensor
    labels: torch.Tensor
    test_images: torch.Tensor
    test_labels: torch.Tensor
    augment: Augmentation

    @property
    def training_images(self) -> int:
        """Images of one epoch."""
        return len(self.images)

    def steps(self, batch_size: int, shard: Shard) -> int:
        """The last batch may be small, but is left out where it has not an image for each process."""
        whole, rest = divmod(len(self.images), batch_size)
        return whole + (rest >= shard.world)

    def training(self, key: EpochKey, batch_size: int, shard: Shard) -> Iterator[Batch]:
        """This process's part of the batches of an epoch."""
        generator = torch.Generator().manual_seed(key.generator_seed())
        order = torch.randperm(len(self.images), generator=generator)
        for step in range(self.steps(batch_size, shard)):
            batch = order[step * batch_size : (step + 1) * batch_size]
            images = self.augment(self.images[batch], generator)
            first, end = (len(images) * part // shard.world for part in (shard.rank, shard.rank + 1))
            mine = slice(first, end)
            yield Batch(images[mine], self.labels[batch][mine])

    def testing(self) -> Iterator[Batch]:
        """The test images in order."""
        for start in range(0, len(self.test_images), _TEST_BATCH):
            part = slice(start, start + _TEST_BATCH)
            yield Batch(self.test_images[part], self.test_labels[part])
