"""Classification's terms, scores and pictures."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from models.metadata import Preprocessing
from models.training.classification import Classification
from models.training.pictures import denormalised
from models.training.task import Batch

LOGITS = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0], [3.0, 0.0, 1.0], [0.0, 3.0, 1.0]])
LABELS = torch.tensor([0, 1, 2, 1])
GREY = Preprocessing(2, 1, (0.25,), (0.5,))


def _task(**options):
    batches = [Batch(torch.zeros(2, 1, 2, 2), LABELS[:2]), Batch(torch.ones(2, 1, 2, 2), LABELS[2:])]
    return Classification(SimpleNamespace(testing=lambda: iter(batches)), "abc", GREY, **options)


class _Fixed(nn.Module):
    """The logits in order, two images at a time: black ones first."""

    def forward(self, images):
        return LOGITS[2:] if images.any() else LOGITS[:2]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_the_mean_is_torchs_cross_entropy(smoothing):
    terms = _task(label_smoothing=smoothing).measure(LOGITS, LABELS)
    loss = terms.losses["cross_entropy"]
    expected = F.cross_entropy(LOGITS, LABELS, label_smoothing=smoothing)
    assert torch.equal(loss.total / loss.weight, expected)
    assert terms.scores["accuracy"].total == 2 and terms.scores["accuracy"].weight == 4


def test_scores_are_over_all_batches():
    assert _task(top=(1, 2)).evaluate(_Fixed(), torch.device("cpu")) == {"top1": 0.5, "top2": 1.0}


def test_pictures_are_named_after_what_they_are_and_say_what_they_are_taken_for():
    pictures = _task().pictures(_Fixed(), torch.device("cpu"))
    assert list(pictures) == ["0: a", "1: b"]
    right, wrong = (picture[96:].astype(int) for picture in pictures.values())
    assert right.shape == wrong.shape and right.shape[1] == 96 and len(right) > 10
    # Green letters are darker in red than in green, red ones the other way round.
    assert (right[..., 1] - right[..., 0]).max() > 50 and (right[..., 0] - right[..., 1]).max() <= 0
    assert (wrong[..., 0] - wrong[..., 1]).max() > 50 and (wrong[..., 1] - wrong[..., 0]).max() <= 0


def test_normalised_pixels_come_back():
    pixels = torch.tensor([[0.0, 255.0], [64.0, 128.0]])
    normalised = (pixels / 255 - 0.25) / 0.5
    picture = denormalised(normalised[None], GREY)
    assert picture.shape == (2, 2, 3) and picture.dtype == np.uint8
    assert (picture == pixels.numpy().astype(np.uint8)[..., None]).all()
    assert denormalised(torch.full((3, 1, 1), 99.0), Preprocessing(1, 3, (0.5,) * 3, (0.5,) * 3)).max() == 255
