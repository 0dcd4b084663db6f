"""What the loop asks of a task: batches, the terms of its loss, and its scores on the test images."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn


@dataclasses.dataclass(frozen=True)
class Shard:
    """The part of each batch that a process of `world` processes takes."""

    rank: int = 0
    world: int = 1


@dataclasses.dataclass(frozen=True)
class EpochKey:
    """All that the order and the augmentation of an epoch may depend on; `stage` and `epoch` from 0."""

    seed: int
    stage: int
    epoch: int

    def generator_seed(self, *more: int) -> int:
        """A seed of 64 bits, well mixed; `more` tells generators of one epoch apart (an image's index)."""
        entropy = [self.seed, self.stage, self.epoch, *more]
        (mixed,) = np.random.SeedSequence(entropy).generate_state(1, np.uint64)
        return int(mixed)


@dataclasses.dataclass(frozen=True)
class Batch:
    """Images and what the task's loss or score compares the outputs with.

    Attributes:
        images: Normalised, float32 [N, C, H, W], on the CPU.
        targets: The task's own: labels, masks, or boxes, on the CPU.
    """

    images: torch.Tensor
    targets: Any


class Feed(Protocol):
    """Where batches come from."""

    @property
    def training_images(self) -> int:
        """Images of one epoch."""

    def steps(self, batch_size: int, shard: Shard) -> int:
        """Batches of one epoch, the same for every process."""

    def training(self, key: EpochKey, batch_size: int, shard: Shard) -> Iterator[Batch]:
        """This process's part of the batches of an epoch, each at least one image."""

    def testing(self) -> Iterator[Batch]:
        """The test images in order, always the same."""


@dataclasses.dataclass(frozen=True)
class Term:
    """A sum and what it is a sum over, so that the parts of a batch add up to the mean of the whole.

    Attributes:
        total: Scalar; with a gradient if it is part of the loss.
        weight: Scalar: how many images, pixels or objects `total` sums over; 0 where there are none.
    """

    total: torch.Tensor
    weight: torch.Tensor


@dataclasses.dataclass(frozen=True)
class StepTerms:
    """What one step measured: the means of `losses` add up to what is minimised, `scores` are shown."""

    losses: Mapping[str, Term]
    scores: Mapping[str, Term]


class Task(Protocol):
    """One kind of problem on one data set."""

    @property
    def feed(self) -> Feed:
        """Its data."""

    def measure(self, outputs: Any, targets: Any) -> StepTerms:
        """Compare the network's outputs in training mode with a batch's targets."""

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        """Scores on the test images, each 0 to 1; the model is put in evaluation mode."""

    def pictures(self, model: nn.Module, device: torch.device) -> dict[str, npt.NDArray[np.uint8]]:
        """A few test images with what the model makes of them, uint8 [H, W, 3], by name."""
