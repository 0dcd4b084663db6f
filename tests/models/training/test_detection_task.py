"""Detection's terms add up over parts of a batch, and boxes are scored in the original's pixels."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from models.config import GroupNetConfig
from models.data.batches import BoxTargets
from models.data.samples import DetectionTarget
from models.detection.config import DetectionConfig
from models.detection.levels import pyramid_levels
from models.metadata import Preprocessing
from models.networks import make_network
from models.training.detection import Detection, ObjectsToFind, ObjectsToLearn
from models.training.task import Batch

BACKBONE = GroupNetConfig(
    depths=(1, 1), width=4, bases=1, num_classes=2, in_channels=3, input_size=32, stem="small"
)
CONFIG = DetectionConfig(
    backbone=BACKBONE, detector="fcos", pyramid_channels=4, tower_depth=1, first_stage=0, extra_levels=1
)
BOX = (8.0, 8.0, 24.0, 24.0)  # in the network's input of 32 pixels
SCALE = 3.0  # of an original of 96 pixels


def _task(feed=None):
    return Detection(CONFIG, feed, ("a", "b"), Preprocessing(32, 3, (0.5,) * 3, (0.5,) * 3))


def _objects(*boxes):
    count = len(boxes)
    return BoxTargets(
        torch.tensor(boxes).reshape(count, 4),
        torch.ones(count, dtype=torch.int64),
        torch.zeros(count, dtype=torch.bool),
        0,
    )


def test_parts_of_a_batch_add_up():
    torch.manual_seed(0)
    images = torch.randn(2, 3, 32, 32)
    objects = [_objects(BOX), _objects()]
    outputs = make_network(CONFIG).eval()(images)
    task, size = _task(), (32, 32)
    whole = task.measure(outputs, ObjectsToLearn(objects, size))
    parts = [
        task.measure([part[i : i + 1] for part in outputs], ObjectsToLearn(objects[i : i + 1], size))
        for i in (0, 1)
    ]
    for name, term in whole.losses.items():
        torch.testing.assert_close(sum(part.losses[name].total for part in parts), term.total)
        torch.testing.assert_close(sum(part.losses[name].weight for part in parts), term.weight)
    assert parts[1].losses["classes"].weight == 0 and parts[1].losses["classes"].total > 0
    assert whole.scores == {}


class _Oracle(nn.Module):
    """Finds BOX as class 1 at the location nearest to its middle, and nothing else."""

    def forward(self, images):
        centres = np.concatenate([level.centres() for level in pyramid_levels(CONFIG, (32, 32))])
        best = int(np.abs(centres - 16).sum(1).argmin())
        logits = torch.full((len(images), len(centres), 2), -20.0)
        logits[:, best, 1] = 20.0
        x, y = centres[best]
        distances = torch.ones(len(images), len(centres), 4)
        distances[:, best] = torch.tensor([x - 8, y - 8, 24 - x, 24 - y])
        return logits, distances, torch.full((len(images), len(centres)), 20.0)


@pytest.fixture
def feed():
    truth = DetectionTarget(
        boxes=np.array([BOX], np.float32) * np.float32(SCALE),
        classes=np.array([1]),
        difficult=np.array([False]),
        areas=np.array([48.0**2], np.float32),
        image_id=7,
    )
    batch = Batch(torch.zeros(1, 3, 32, 32), ObjectsToFind([truth], [SCALE]))
    return SimpleNamespace(testing=lambda: iter([batch]))


def test_boxes_are_scored_in_the_originals_pixels(feed):
    scores = _task(feed).evaluate(_Oracle(), torch.device("cpu"))
    # 48x48 pixels of the original are medium; the 16x16 that the network sees would be small.
    assert scores == pytest.approx({"ap": 1, "ap50": 1, "ap75": 1, "ap_medium": 1, "voc_map": 1})


def test_pictures_show_found_and_true_boxes_side_by_side(feed):
    (picture,) = _task(feed).pictures(_Oracle(), torch.device("cpu")).values()
    assert picture.shape == (32, 64, 3)
    left, right = picture[:, :32], picture[:, 32:]
    assert (left[23, 9:23] == right[23, 9:23]).all() and (left[23, 15] != left[16, 16]).any()
