"""Feeds epochs of batches: decoding and augmentation in worker processes, normalising where the network is.

Batches depend on the seed, the epoch and the data alone, and neither on the number of workers nor on earlier
epochs. So training resumes at any epoch, and `torchrun` processes share one order (`Order`).
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from models.data.batches import Batch
from models.data.order import Order, sample_generator
from models.data.transforms.normalise import IMAGENET_MEAN, IMAGENET_STD, Channels, normalise
from models.errors import DataError

SampleT = TypeVar("SampleT")
BatchT = TypeVar("BatchT", bound=Batch)
_ReadT = TypeVar("_ReadT", covariant=True)
Transform = Callable[[SampleT, np.random.Generator], SampleT]
"""A transform that draws what it needs from the sample's own generator."""

_PREFETCH = 4  # batches a worker prepares ahead


class _Samples(Protocol[_ReadT]):
    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> _ReadT: ...


class Loader(Generic[SampleT, BatchT]):
    """Epochs of one data set.

    Workers start with the first epoch and stay as long as the loader does.
    """

    def __init__(
        self,
        dataset: _Samples[SampleT],
        transform: Transform[SampleT],
        collate: Callable[[Sequence[SampleT]], BatchT],
        order: Order,
        *,
        workers: int = 0,
        device: torch.device | str = "cpu",
        mean: Channels = IMAGENET_MEAN,
        std: Channels = IMAGENET_STD,
    ) -> None:
        """Describe the epochs; nothing is read yet.

        Args:
            dataset: Any of `models.data.samples`.
            transform: Called with the sample and `sample_generator(seed, epoch, index)`.
            collate: One of `models.data.batches`.
            order: Which images make the batches.
            workers: Processes that decode; 0 decodes in this one.
            device: Where the batches' tensors go; images travel as uint8 and are normalised there.
            mean: Of each channel, in 0 to 1.
            std: Of each channel, in the same units.
        """
        self.order = order
        self._device = torch.device(device)
        self._mean, self._std = mean, std
        self._sampler = _EpochSampler(order)
        samples = _Augmented(dataset, transform, order.seed)
        self._open: Callable[[], DataLoader[Any]] = partial(
            DataLoader,
            samples,
            batch_sampler=self._sampler,
            collate_fn=_OrError(collate),
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=_PREFETCH if workers else None,
            pin_memory=self._device.type == "cuda",
        )
        self._opened: DataLoader[Any] | None = None

    def __len__(self) -> int:
        """Batches in an epoch, of this process."""
        return len(self.order)

    def epoch(self, epoch: int) -> Iterator[BatchT]:
        """The batches of epoch `epoch`, from 0, on the device and normalised.

        Raises:
            DataError: A file cannot be read; workers pass it on.
        """
        self._sampler.epoch = epoch
        if self._opened is None:
            self._opened = self._open()
        for batch in self._opened:
            if isinstance(batch, DataError):
                # Letting go of the workers ends them now. They would otherwise live as long as the error's
                # traceback, and die by a time limit where the garbage collector finds both together.
                self._opened = None
                break
            moved = _move(batch, self._device)
            normalised: BatchT = moved._replace(images=normalise(moved.images, self._mean, self._std))
            yield normalised
        else:
            return
        raise batch


class _EpochSampler:
    """Lists of (epoch, index): workers that outlive an epoch learn the next one's number with each sample."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        epoch = self.epoch
        for indices in self.order.batches(epoch):
            yield [(epoch, int(index)) for index in indices]


class _Augmented(Dataset[SampleT | DataError]):
    """Samples after the transform.

    An error travels as a value, because torch would put the worker's traceback into its message.
    """

    def __init__(self, dataset: _Samples[SampleT], transform: Transform[SampleT], seed: int) -> None:
        self._dataset, self._transform, self._seed = dataset, transform, seed

    def __getitem__(self, key: tuple[int, int]) -> SampleT | DataError:
        epoch, index = key
        try:
            return self._transform(self._dataset[index], sample_generator(self._seed, epoch, index))
        except DataError as error:
            return error


class _OrError(Generic[SampleT, BatchT]):
    """Collates samples; where one is an error, that takes the batch's place."""

    def __init__(self, collate: Callable[[Sequence[SampleT]], BatchT]) -> None:
        self._collate = collate

    def __call__(self, samples: list[SampleT | DataError]) -> BatchT | DataError:
        good: list[SampleT] = []
        for sample in samples:
            if isinstance(sample, DataError):
                return sample
            good.append(sample)
        try:
            return self._collate(good)
        except DataError as error:
            return error


def _move(value: Any, device: torch.device) -> Any:
    """The same tuples and lists with each tensor on `device`."""
    if isinstance(value, torch.Tensor):
        return value.to(device, non_blocking=True)
    if isinstance(value, list):
        return [_move(item, device) for item in value]
    if isinstance(value, tuple):
        return type(value)(*(_move(item, device) for item in value))
    return value
