"""Batches from data sets on disk: steps, shares of processes, stages with orders of their own."""

from dataclasses import dataclass
from operator import attrgetter

import numpy as np
import pytest
import torch

from models.data.batches import collate_classification
from models.data.samples import ClassificationSample
from models.errors import DataError
from models.training.loader_feed import LoaderFeed, Split
from models.training.task import EpochKey, Shard


@dataclass
class _Numbered:
    """Image i is grey i, of class i."""

    count: int

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return ClassificationSample(np.full((2, 2, 3), index, np.uint8), index, str(index))


def _plain(sample, _generator):
    return sample


@pytest.fixture
def feed():
    train, test = (
        Split(
            dataset=_Numbered(count),
            transform=_plain,
            collate=collate_classification,
            targets_of=attrgetter("labels"),
        )
        for count in (10, 35)
    )
    return LoaderFeed(train=train, test=test, device=torch.device("cpu"), workers=0)


def _labels(feed, key, batch_size=4, shard=Shard()):  # noqa: B008  # frozen
    return [batch.targets.tolist() for batch in feed.training(key, batch_size, shard)]


def test_whole_batches_in_an_order_of_the_key(feed):
    first = _labels(feed, EpochKey(0, 0, 0))
    assert feed.training_images == 10 and feed.steps(4, Shard()) == len(first) == 2
    assert len({number for batch in first for number in batch}) == 8
    assert _labels(feed, EpochKey(0, 0, 0)) == first
    others = [_labels(feed, key) for key in (EpochKey(1, 0, 0), EpochKey(0, 1, 0), EpochKey(0, 0, 1))]
    assert all(other != first for other in others)


def test_processes_share_each_batch(feed):
    whole = _labels(feed, EpochKey(0, 0, 0))
    parts = [_labels(feed, EpochKey(0, 0, 0), shard=Shard(rank, 2)) for rank in (0, 1)]
    assert [sorted(a + b) for a, b in zip(*parts, strict=True)] == [sorted(batch) for batch in whole]


def test_a_batch_that_cannot_be_shared_is_refused(feed):
    with pytest.raises(DataError, match="2 processes can share; got 3"):
        feed.steps(3, Shard(0, 2))


def test_every_test_image_comes_in_order_and_normalised(feed):
    batches = list(feed.testing())
    assert [label for batch in batches for label in batch.targets.tolist()] == list(range(35))
    assert batches[0].images.shape[1:] == (3, 2, 2)
    assert batches[0].images[0].amax() < -1.7  # black, minus ImageNet's mean
