"""Float heads: scores of several stages add up in the size of the finest, and the official dilated head."""

import pytest
import torch

from models.segmentation.float_heads import DilatedHead, ScoreHead, grow


def _maps(*shapes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(1, *shape, generator=generator) for shape in shapes]


def test_one_map_is_only_scored():
    head = ScoreHead([4], 3)
    (features,) = _maps((4, 5, 5))
    assert torch.equal(head([features]), head.scores[0](features))


def test_coarse_scores_grow_and_add_up():
    head = ScoreHead([8, 4, 2], 3).eval()
    coarse, middle, fine = _maps((8, 2, 2), (4, 4, 4), (2, 7, 7))
    first, second, third = head.scores
    expected = grow(grow(first(coarse), (4, 4)) + second(middle), (7, 7)) + third(fine)
    assert torch.equal(head([coarse, middle, fine]), expected)


def test_scores_of_constant_maps_by_hand():
    head = ScoreHead([1, 1], 1)
    with torch.no_grad():
        for score, weight in zip(head.scores, (2.0, 10.0), strict=True):
            score.weight.fill_(weight)
            score.bias.fill_(1.0)
        result = head([torch.ones(1, 1, 2, 2), torch.full((1, 1, 4, 4), 0.5)])
    assert torch.equal(result, torch.full((1, 1, 4, 4), (2 + 1) + (5 + 1.0)))


def test_growing_takes_pixels_as_areas():
    row = torch.tensor([[[[0.0, 1.0]]]])
    assert grow(row, (1, 4)).flatten().tolist() == [0.0, 0.25, 0.75, 1.0]


def test_the_dilated_head_has_the_official_layers():
    head = DilatedHead([16], 3)
    assert head.reduce.weight.shape == (4, 16, 3, 3) and head.reduce.bias is None
    assert head.dropout.p == 0.1
    assert head.score.weight.shape == (3, 4, 1, 1) and head.score.bias is not None
    (features,) = _maps((16, 6, 5))
    head.eval()
    expected = head.score(torch.relu(head.bn(head.reduce(features))))
    assert torch.equal(head([features]), expected)
    assert head([features]).shape == (1, 3, 6, 5)


def test_the_dilated_head_reads_one_map():
    with pytest.raises(ValueError):
        DilatedHead([16, 8], 3)
