"""Dropout of one process among several: its images' part of the mask that one process alone draws."""

import pytest
import torch
from torch import nn

from models.training.synchronised_dropout import SynchronisedDropout2d, synchronise_dropout
from models.training.task import Shard

IMAGES = torch.ones(5, 64, 2, 2)


@pytest.fixture
def _sizes(monkeypatch):
    """Two processes, of 3 and 2 images; each adds its own number, and the exchange adds the other's."""

    def add_the_other(counts):
        counts[:] = torch.tensor([3, 2])

    monkeypatch.setattr(torch.distributed, "all_reduce", add_the_other)


@pytest.mark.usefixtures("_sizes")
def test_parts_of_the_mask_are_those_of_the_whole():
    torch.manual_seed(0)
    whole = nn.Dropout2d(0.3)(IMAGES)
    parts = []
    for rank, images in enumerate((IMAGES[:3], IMAGES[3:])):
        torch.manual_seed(0)
        parts.append(SynchronisedDropout2d(0.3, Shard(rank, 2))(images))
    assert torch.equal(torch.cat(parts), whole)
    assert 0 < (whole == 0).float().mean() < 0.5


def test_nothing_is_dropped_in_evaluation():
    dropout = SynchronisedDropout2d(0.5, Shard(0, 2)).eval()
    assert torch.equal(dropout(IMAGES), IMAGES)


def test_every_dropout_of_a_network_is_joined():
    net = nn.Sequential(nn.Sequential(nn.Dropout2d(0.2)), nn.ReLU()).eval()
    joined = synchronise_dropout(net, Shard(1, 2))[0][0]
    assert type(joined) is SynchronisedDropout2d and joined.p == 0.2 and not joined.training
