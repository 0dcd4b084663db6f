"""The digits' augmentation: small moves, background from outside, every part of a split batch the same."""

import numpy as np
import torch

from models.digits import load_digits
from models.training.digits_source import digits_feed, jitter
from models.training.task import EpochKey, Shard


def test_jitter_moves_images_a_little_and_fills_with_background():
    images = torch.tensor(load_digits().train.images[:64])
    moved = jitter(images, torch.Generator().manual_seed(0))
    assert moved.shape == images.shape and not torch.equal(moved, images)
    assert moved.min() >= images.min() - 1e-5 and moved.max() <= images.max() + 1e-5
    blank = torch.full((2, 1, 32, 32), images.min().item())
    torch.testing.assert_close(jitter(blank, torch.Generator().manual_seed(0)), blank)
    assert np.corrcoef(moved.flatten(), images.flatten())[0, 1] > 0.7


def test_two_processes_see_the_halves_of_one_batch():
    feed, key = digits_feed(), EpochKey(0, 1, 2)
    whole = next(feed.training(key, 16, Shard()))
    halves = [next(feed.training(key, 16, Shard(rank, 2))) for rank in (0, 1)]
    assert torch.equal(torch.cat([half.targets for half in halves]), whole.targets)
    assert torch.equal(halves[1].images, whole.images[8:])
    assert feed.steps(16, Shard()) == 90 and feed.training_images == 1437
