"""RetinaNet's head: nine anchors at each location, in the order of the anchors."""

import torch

from models.detection.retinanet_head import RetinaNetHead
from models.registry import config_of

CONFIG = config_of("groupnet_shapes_fcos").replace(
    detector="retinanet", pyramid_channels=6, tower_depth=1, bases=2, num_classes=3
)


def test_anchors_of_a_location_follow_each_other():
    head = RetinaNetHead(CONFIG)
    levels = [torch.randn(2, 6, size, size) for size in (4, 2, 1)]
    head(levels)
    head.eval()
    classes, deltas = head(levels)
    assert classes.shape == (2, 21 * 9, 3) and deltas.shape == (2, 21 * 9, 4)
    raw = head.class_logits(head.class_tower(levels[0], 0))
    # Row 2, column 1, anchor 5.
    torch.testing.assert_close(classes[:, (2 * 4 + 1) * 9 + 5], raw[:, 5 * 3 : 6 * 3, 2, 1])
    boxes = head.deltas(head.box_tower(levels[2], 2))
    torch.testing.assert_close(deltas[:, 20 * 9 + 8], boxes[:, 32:36, 0, 0])
