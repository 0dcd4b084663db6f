"""Segmentation's terms by hand: ignored pixels count nowhere, parts of a batch add up to the whole."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from models.metadata import Preprocessing
from models.training.segmentation import Segmentation
from models.training.task import Batch

MASKS = torch.tensor([[[0, 1], [255, 1]], [[255, 255], [255, 2]]])
LOGITS = torch.randn(2, 3, 2, 2, generator=torch.Generator().manual_seed(0))


class _Feed:
    def testing(self):
        yield Batch(LOGITS, MASKS)


def _task():
    return Segmentation(_Feed(), ("background", "a", "b"), Preprocessing(2, 3, (0.5,) * 3, (0.5,) * 3))


def test_only_labelled_pixels_count():
    terms = _task().measure(LOGITS, MASKS)
    loss, score = terms.losses["cross_entropy"], terms.scores["pixel_accuracy"]
    assert loss.weight == score.weight == 4
    torch.testing.assert_close(loss.total / 4, F.cross_entropy(LOGITS, MASKS, ignore_index=255))
    assert score.total == ((LOGITS.argmax(1) == MASKS) & (MASKS != 255)).sum()


def test_parts_add_up_to_the_whole():
    whole = _task().measure(LOGITS, MASKS).losses["cross_entropy"]
    parts = [_task().measure(LOGITS[i : i + 1], MASKS[i : i + 1]).losses["cross_entropy"] for i in (0, 1)]
    torch.testing.assert_close(sum(part.total for part in parts), whole.total)
    assert sum(part.weight for part in parts) == whole.weight


def test_a_batch_without_labels_costs_nothing():
    terms = _task().measure(LOGITS, torch.full_like(MASKS, 255))
    assert terms.losses["cross_entropy"].total == 0 == terms.losses["cross_entropy"].weight


def test_scores_and_pictures_of_the_test_images():
    """The network hands its input on, so that the logits are the images."""
    task, cpu = _task(), torch.device("cpu")
    right = ((LOGITS.argmax(1) == MASKS) & (MASKS != 255)).sum().item()
    assert task.evaluate(nn.Identity(), cpu)["pixel_accuracy"] == right / 4
    assert 0 <= task.evaluate(nn.Identity(), cpu)["miou"] <= 1
    pictures = task.pictures(nn.Identity(), cpu)
    assert set(pictures) == {"0", "1"}
    assert pictures["0"].shape == (2, 4, 3) and pictures["0"].dtype == np.uint8


def test_perfect_logits_score_one():
    class Perfect(nn.Module):
        def forward(self, _images):
            return F.one_hot(MASKS.clamp(max=2), 3).permute(0, 3, 1, 2).float()

    assert _task().evaluate(Perfect(), torch.device("cpu"))["miou"] == pytest.approx(1)
