"""Which images an epoch visits, in which order, and on which process: all follows from seed and epoch."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import DataError

# What a generator is for comes first in its seed, so that no two uses share numbers.
_ORDER, _SAMPLE = 1, 2


def sample_generator(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The generator that augments image `index` in `epoch`, whichever process does it."""
    return np.random.default_rng([_SAMPLE, seed, epoch, index])


@dataclass(frozen=True, kw_only=True)
class Order:
    """How many images there are, and how they are dealt out.

    All `world` processes together take `world * batch_size` consecutive images of one order at each step, so
    with equal products the steps see the same images.

    Attributes:
        images: Images in the data set.
        batch_size: Images of one process in one step.
        seed: 0 or more.
        training: Shuffled, and what does not fill a whole step is left out (other images each epoch, and all
            processes take equally many steps). Otherwise each image comes once, in the data set's order, and
            the last batches may be short or absent.
        rank: Number of this process, from 0.
        world: Number of processes.
    """

    images: int
    batch_size: int
    seed: int
    training: bool
    rank: int = 0
    world: int = 1

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            DataError: One is out of range, or there are too few images for one step of training.
        """
        if self.batch_size < 1 or self.seed < 0 or not 0 <= self.rank < self.world:
            raise DataError(
                f"expected a batch size from 1, a seed from 0 and a rank below {self.world}; got "
                f"{self.batch_size}, {self.seed} and {self.rank}; correct them"
            )
        least = self.world * self.batch_size if self.training else 1
        if self.images < least:
            raise DataError(
                f"expected at least {least} images for one step; got {self.images}; take smaller batches or "
                "more images"
            )

    def __len__(self) -> int:
        """Steps of this process in an epoch."""
        step = self.world * self.batch_size
        if self.training:
            return self.images // step
        rest = self.images % step
        return self.images // step + (rest > self.rank * self.batch_size)

    def batches(self, epoch: int) -> Iterator[npt.NDArray[np.int64]]:
        """The indices of this process's batches, in order."""
        indices = np.arange(self.images)
        if self.training:
            indices = np.random.default_rng([_ORDER, self.seed, epoch]).permutation(self.images)
        for step in range(len(self)):
            first = (step * self.world + self.rank) * self.batch_size
            yield indices[first : first + self.batch_size]
