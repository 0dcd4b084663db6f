"""Boxes from distances and deltas."""

import numpy as np
import torch

from models.detection.box_coding import decode_deltas, decode_distances
from models.detection.retinanet_targets import encode_deltas

ANCHORS = np.array([[0, 0, 10, 20], [5, 5, 9, 9]], np.float32)


def test_distances_by_hand():
    boxes = decode_distances(
        np.array([[1, 2, 3, 4], [0, 0, 0, 0]], np.float32), np.array([[10, 20], [5, 6]], np.float32)
    )
    assert boxes.tolist() == [[9, 18, 13, 24], [5, 6, 5, 6]]


def test_deltas_by_hand():
    deltas = np.array([[0.5, -0.25, np.log(2), 0], [0, 0, 0, 0]], np.float32)
    np.testing.assert_allclose(decode_deltas(deltas, ANCHORS), [[0, -5, 20, 15], [5, 5, 9, 9]], atol=1e-5)


def test_decoding_undoes_encoding():
    boxes = np.array([[3, -2, 4, 30], [0, 0, 100, 1]], np.float32)
    deltas = encode_deltas(torch.from_numpy(boxes), torch.from_numpy(ANCHORS)).numpy()
    np.testing.assert_allclose(decode_deltas(deltas, ANCHORS), boxes, rtol=1e-5, atol=1e-4)


def test_absurd_sizes_stay_finite():
    (box,) = decode_deltas(np.array([[0, 0, 1e9, 1e9]], np.float32), ANCHORS[:1])
    np.testing.assert_allclose(box[2:] - box[:2], [625, 1250], rtol=1e-4)
