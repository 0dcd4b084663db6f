"""What detectors' heads are made of: towers, prediction layers, and the order of what they predict."""

import pytest
import torch

from models.detection.towers import Tower, by_location, prediction
from models.registry import config_of

CONFIG = config_of("groupnet_shapes_fcos").replace(pyramid_channels=6, tower_depth=2, bases=2)


def test_a_tower_keeps_shapes_and_knows_its_level():
    tower = Tower(CONFIG, levels=2)
    x = torch.randn(2, 6, 4, 4)
    assert tower(x, 1).shape == x.shape
    assert [layer.norms[1][0].num_batches_tracked.item() for layer in tower.layers] == [1, 1]
    assert [layer.norms[0][0].num_batches_tracked.item() for layer in tower.layers] == [0, 0]


def test_classes_begin_improbable():
    conv = prediction(6, 3, is_classification=True)
    assert conv.bias.sigmoid().tolist() == pytest.approx([0.01] * 3)
    assert torch.equal(prediction(6, 4).bias, torch.zeros(4))
    assert conv.weight.std().item() == pytest.approx(0.01, rel=0.3)


def test_locations_go_row_by_row_and_entries_after_each_other():
    n, entries, width, height, columns = 2, 3, 4, 2, 5
    x = torch.arange(n * entries * width * height * columns).reshape(n, entries * width, height, columns)
    rows = by_location(x, width)
    assert rows.shape == (n, height * columns * entries, width)
    for image, entry, row, column in [(0, 0, 0, 0), (1, 2, 1, 3), (0, 1, 1, 4)]:
        place = (row * columns + column) * entries + entry
        expected = x[image, entry * width : (entry + 1) * width, row, column]
        assert torch.equal(rows[image, place], expected)
