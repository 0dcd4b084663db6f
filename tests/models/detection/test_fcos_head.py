"""FCOS's head: shapes, scales of levels, bounded distances."""

import math

import torch

from models.detection.fcos_head import FcosHead
from models.registry import config_of

CONFIG = config_of("groupnet_shapes_fcos").replace(pyramid_channels=6, tower_depth=1, bases=2, num_classes=3)


def _levels():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(2, 6, size, size, generator=generator) for size in (4, 2, 1)]


def test_levels_are_joined_the_finest_first():
    head = FcosHead(CONFIG)
    head(_levels())
    head.eval()
    levels = _levels()
    classes, distances, centerness = head(levels)
    assert (classes.shape, distances.shape, centerness.shape) == ((2, 21, 3), (2, 21, 4), (2, 21))
    first = head.class_logits(head.class_tower(levels[0], 0))
    torch.testing.assert_close(classes[:, 4 + 2], first[:, :, 1, 2])
    boxes = head.box_tower(levels[1], 1)
    torch.testing.assert_close(centerness[:, 16 + 1], head.centerness(boxes)[:, 0, 0, 1])
    torch.testing.assert_close(distances[:, 16 + 1], 16 * head.distances(boxes)[:, :, 0, 1].exp())


def test_each_level_has_its_scale_and_distances_are_bounded():
    head = FcosHead(CONFIG).eval()
    with torch.no_grad():
        head.distances.weight.zero_()
        head.distances.bias.fill_(1.0)
        head.scales.copy_(torch.tensor([0.5, -1.0, 100.0]))
        _, distances, _ = head(_levels())
    expected = [8 * math.exp(0.5)] * 16 + [16 * math.exp(-1)] * 4 + [32 * 62.5]
    torch.testing.assert_close(distances[1, :, 2], torch.tensor(expected), rtol=1e-5, atol=0)
