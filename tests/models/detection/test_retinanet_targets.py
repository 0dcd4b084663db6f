"""RetinaNet's assignment of objects to anchors: thresholds, rescued objects, deltas."""

import torch
from box_objects import objects

from models.detection.anchors import anchor_boxes
from models.detection.levels import Level
from models.detection.retinanet_targets import (
    BACKGROUND,
    IGNORED,
    encode_deltas,
    pairwise_iou,
    retinanet_targets,
)

LEVELS = (Level(8, 8, 8), Level(16, 4, 4))
ANCHORS = torch.from_numpy(anchor_boxes(LEVELS))
CPU = torch.device("cpu")


def test_overlap_decides():
    truth = objects([10, 12, 44, 50], classes=[7])
    classes, deltas = retinanet_targets(LEVELS, [truth], CPU)
    iou = pairwise_iou(ANCHORS, truth.boxes)[:, 0]
    assert ((classes[0] == 7) == (iou >= 0.5)).all() and (iou >= 0.5).any()
    assert ((classes[0] == BACKGROUND) == (iou < 0.4)).all()
    assert ((classes[0] == IGNORED) == ((iou >= 0.4) & (iou < 0.5))).all()
    assert (deltas[0][classes[0] != 7] == 0).all()
    chosen = (classes[0] == 7).nonzero().flatten()
    expected = encode_deltas(truth.boxes.expand(len(chosen), 4), ANCHORS[chosen])
    assert torch.equal(deltas[0, chosen], expected)


def test_an_object_that_no_anchor_fits_gets_its_best_ones():
    truth = objects([3, 3, 7, 6], classes=[2])
    classes, _ = retinanet_targets(LEVELS, [truth], CPU)
    iou = pairwise_iou(ANCHORS, truth.boxes)[:, 0]
    assert iou.max() < 0.4
    assert (classes[0] == 2).nonzero().flatten().tolist() == (iou == iou.max()).nonzero().flatten().tolist()


def test_an_object_beyond_all_anchors_gets_none():
    classes, deltas = retinanet_targets(LEVELS, [objects([900, 900, 910, 910])], CPU)
    assert (classes == BACKGROUND).all() and deltas.isfinite().all()


def test_an_anchor_takes_the_object_that_overlaps_more():
    truth = objects([0, 0, 32, 32], [6, 6, 38, 38], classes=[0, 1])
    classes, _ = retinanet_targets(LEVELS, [truth], CPU)
    best, chosen = pairwise_iou(ANCHORS, truth.boxes).max(1)
    assert torch.equal(classes[0][best >= 0.5], chosen[best >= 0.5])


def test_images_without_objects_and_difficult_ones_are_background():
    batch = [objects(), objects([0, 0, 32, 32], difficult=[0])]
    classes, deltas = retinanet_targets(LEVELS, batch, CPU)
    assert (classes == BACKGROUND).all() and (deltas == 0).all()


def test_pairwise_iou_by_hand():
    boxes = torch.tensor([[0.0, 0, 2, 2], [5, 5, 6, 6]])
    others = torch.tensor([[1.0, 1, 3, 3], [0, 0, 2, 2], [2, 0, 4, 2]])
    expected = torch.tensor([[1 / 7, 1, 0], [0, 0, 0]])
    torch.testing.assert_close(pairwise_iou(boxes, others), expected)
