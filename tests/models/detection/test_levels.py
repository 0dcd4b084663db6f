"""The levels of a pyramid: strides, sizes that are those of the network's maps, and centres."""

import pytest
import torch

from models.detection.levels import Level, level_strides, pyramid_levels
from models.networks import make_network
from models.registry import config_of

COCO = config_of("groupnet_resnet18_fcos")
SHAPES = config_of("groupnet_shapes_fcos")


def test_the_papers_strides():
    assert level_strides(COCO) == (8, 16, 32, 64, 128)
    assert level_strides(SHAPES) == (8, 16, 32)
    assert level_strides(COCO.replace(first_stage=0, extra_levels=0)) == (4, 8, 16, 32)


@pytest.mark.parametrize("size", [(64, 64), (65, 97), (127, 40), (1, 1)])
def test_sizes_are_those_of_the_maps(size):
    config = COCO.replace(width=4, pyramid_channels=4, bases=1, num_classes=2, tower_depth=1)
    with torch.device("meta"):
        net = make_network(config).eval()
        maps = net.backbone.features(torch.empty(1, 3, *size))
        finished = net.pyramid([maps[stage] for stage in (1, 2, 3)])
    levels = pyramid_levels(config, size)
    assert [(level.height, level.width) for level in levels] == [tuple(x.shape[2:]) for x in finished]


def test_centres_go_row_by_row():
    assert Level(8, 2, 3).centres().tolist() == [[4, 4], [12, 4], [20, 4], [4, 12], [12, 12], [20, 12]]
