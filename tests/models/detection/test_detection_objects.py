"""Which objects are learnt."""

import torch
from box_objects import objects

from models.detection.objects import learnt, stacked


def test_difficult_and_empty_objects_are_left_out():
    batch = objects(
        [0, 0, 4, 4], [1, 1, 5, 5], [3, 3, 3, 9], [2, 2, 6, 6], classes=[1, 2, 3, 4], difficult=[1]
    )
    boxes, classes = learnt(batch, torch.device("cpu"))
    assert classes.tolist() == [1, 4] and boxes.tolist() == [[0, 0, 4, 4], [2, 2, 6, 6]]


def test_an_image_without_objects():
    boxes, classes = learnt(objects(), torch.device("cpu"))
    assert boxes.shape == (0, 4) and classes.shape == (0,)


def test_images_are_stacked_kind_by_kind():
    first, second = stacked([(torch.zeros(2), torch.ones(3)), (torch.ones(2), torch.ones(3))])
    assert first.tolist() == [[0, 0], [1, 1]] and second.shape == (2, 3)
