"""Batches from a data set on disk, through the loader of `models.data`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from models.data.loader import Loader
from models.data.order import Order
from models.data.transforms.normalise import IMAGENET_MEAN, IMAGENET_STD, Channels
from models.errors import DataError
from models.training.task import Batch, EpochKey, Shard

_TEST_BATCH = 32
_STAGE = 1_000_000  # epochs between the numbers of two stages, so that no two share an order


@dataclass(frozen=True, kw_only=True)
class Split:
    """One split and how its samples become a batch.

    Attributes:
        dataset: Any of `models.data.samples`.
        transform: From sample and generator to sample.
        collate: One of `models.data.batches`.
        targets_of: Picks from a collated batch what the task compares outputs with.
    """

    dataset: Any
    transform: Callable[[Any, np.random.Generator], Any]
    collate: Callable[[Sequence[Any]], Any]
    targets_of: Callable[[Any], Any]


@dataclass(frozen=True, kw_only=True)
class LoaderFeed:
    """Both splits of a data set.

    Attributes:
        train: Shuffled; what does not fill a batch is left out, other images in each epoch.
        test: In order, every image.
        device: Where images are normalised.
        workers: Processes that decode and augment.
        mean: Of each channel, in 0 to 1.
        std: Of each channel, in the same units.
    """

    train: Split
    test: Split
    device: torch.device
    workers: int
    mean: Channels = IMAGENET_MEAN
    std: Channels = IMAGENET_STD
    _training: dict[tuple[int, int, Shard], Loader[Any, Any]] = field(default_factory=dict, init=False)

    @property
    def training_images(self) -> int:
        """Images of the training split."""
        return len(self.train.dataset)

    def steps(self, batch_size: int, shard: Shard) -> int:
        """Whole batches of an epoch."""
        return len(self._order(0, batch_size, shard))

    def training(self, key: EpochKey, batch_size: int, shard: Shard) -> Iterator[Batch]:
        """This process's part of the batches of an epoch."""
        # Kept, because its workers stay alive from one epoch to the next.
        kept = (key.seed, batch_size, shard)
        if kept not in self._training:
            self._training[kept] = self._loader(self.train, self._order(key.seed, batch_size, shard))
        for batch in self._training[kept].epoch(key.stage * _STAGE + key.epoch):
            yield Batch(batch.images, self.train.targets_of(batch))

    def testing(self) -> Iterator[Batch]:
        """The test images in order."""
        order = Order(images=len(self.test.dataset), batch_size=_TEST_BATCH, seed=0, training=False)
        for batch in self._loader(self.test, order).epoch(0):
            yield Batch(batch.images, self.test.targets_of(batch))

    def _order(self, seed: int, batch_size: int, shard: Shard) -> Order:
        if batch_size % shard.world:
            raise DataError(
                f"expected a batch size that {shard.world} processes can share; got {batch_size}; choose a "
                "multiple"
            )
        return Order(
            images=len(self.train.dataset),
            batch_size=batch_size // shard.world,
            seed=seed,
            training=True,
            rank=shard.rank,
            world=shard.world,
        )

    def _loader(self, split: Split, order: Order) -> Loader[Any, Any]:
        return Loader(
            split.dataset,
            split.transform,
            split.collate,
            order,
            workers=self.workers,
            device=self.device,
            mean=self.mean,
            std=self.std,
        )
