"""From raw outputs to objects: planted objects come back, thresholds and limits hold."""

import subprocess
import sys

import numpy as np
import pytest

from models.detection.anchors import anchor_boxes
from models.detection.decode import Selection, decode
from models.detection.levels import pyramid_levels
from models.errors import DataError
from models.registry import config_of

FCOS = config_of("groupnet_shapes_fcos").replace(input_size=64, num_classes=3)
RETINANET = FCOS.replace(detector="retinanet")
PLACES = 64 + 16 + 4


def _fcos_outputs(images=1):
    return [
        np.full((images, PLACES, 3), -20, np.float32),
        np.ones((images, PLACES, 4), np.float32),
        np.zeros((images, PLACES), np.float32),
    ]


def test_nothing_probable_gives_no_objects():
    (found,) = decode(FCOS, _fcos_outputs())
    assert len(found) == 0
    assert (found.boxes.shape, found.scores.shape, found.classes.shape) == ((0, 4), (0,), (0,))
    assert (found.boxes.dtype, found.scores.dtype, found.classes.dtype) == (np.float32, np.float32, np.int64)


def test_a_planted_object_of_each_level_comes_back():
    logits, distances, centerness = outputs = _fcos_outputs(images=2)
    # Level 0, row 3, column 2: centre (20, 28); level 1, row 1, column 3: centre (56, 24), out of the image.
    logits[1, 3 * 8 + 2, 1] = 2.0
    distances[1, 3 * 8 + 2] = [10, 5, 4, 6]
    centerness[1, 3 * 8 + 2] = 1.0
    logits[1, 64 + 1 * 4 + 3, 2] = 4.0
    distances[1, 64 + 1 * 4 + 3] = [20, 30, 20, 10]
    empty, found = decode(FCOS, outputs)
    assert len(empty) == 0
    assert found.classes.tolist() == [1, 2]
    assert found.boxes.tolist() == [[10, 23, 24, 34], [36, 0, 64, 34]]
    sigmoid = lambda x: 1 / (1 + np.exp(-x))  # noqa: E731
    expected = [np.sqrt(sigmoid(2) * sigmoid(1)), np.sqrt(sigmoid(4) * 0.5)]
    np.testing.assert_allclose(found.scores, expected, rtol=1e-6)


def test_duplicates_of_a_class_go_and_other_classes_stay():
    logits, distances, _ = outputs = _fcos_outputs()
    for column, (label, logit) in enumerate([(0, 3.0), (0, 2.0), (1, 1.0)]):
        logits[0, column, label] = logit
        distances[0, column] = [4 + 8 * column, 4, 20 - 8 * column, 12]
    (found,) = decode(FCOS, outputs)
    assert found.classes.tolist() == [0, 1]
    assert (found.boxes == [0, 0, 24, 16]).all()


def test_anchors_come_back_as_they_are():
    logits = np.full((1, PLACES * 9, 3), -20, np.float32)
    deltas = np.zeros((1, PLACES * 9, 4), np.float32)
    place = (2 * 8 + 3) * 9 + 3  # the square of the base size around (28, 20)
    logits[0, place, 0] = 0.0
    (found,) = decode(RETINANET, [logits, deltas])
    assert found.scores.tolist() == [0.5] and found.classes.tolist() == [0]
    assert found.boxes.tolist() == [[12, 4, 44, 36]]
    assert anchor_boxes(pyramid_levels(RETINANET, (64, 64)))[place].tolist() == [12, 4, 44, 36]


def test_limits_hold():
    rng = np.random.default_rng(0)
    outputs = _fcos_outputs()
    outputs[0] = rng.normal(0, 2, outputs[0].shape).astype(np.float32)
    selections = [Selection(max_detections=5), Selection(max_candidates=2), Selection(min_score=0.9)]
    few, best, sure = (decode(FCOS, outputs, selection=selection)[0] for selection in selections)
    assert len(few) == 5 and (np.diff(few.scores) <= 0).all()
    assert len(best) == 6  # two of each level: boxes of 2 x 2 pixels do not overlap
    assert len(sure) == 0


def test_images_of_other_sizes_are_decoded_by_their_size():
    logits, distances, centerness = _fcos_outputs()
    # 64 x 32: 8 * 4, 4 * 2 and 2 * 1 locations.
    outputs = [x[:, : 32 + 8 + 2] for x in (logits, distances, centerness)]
    outputs[0][0, 5, 0] = 9.0
    (found,) = decode(FCOS, outputs, image_size=(64, 32))
    assert found.boxes.tolist() == [[11, 11, 13, 13]]


@pytest.mark.parametrize("config", [FCOS.replace(input_size=96), FCOS.replace(num_classes=4), RETINANET])
def test_outputs_of_another_network_are_refused(config):
    with pytest.raises(DataError, match="expected outputs of shapes"):
        decode(config, _fcos_outputs())


def test_extreme_logits_warn_of_nothing():
    outputs = _fcos_outputs()
    outputs[0][:] = -1e4
    outputs[0][0, 0, 0] = 1e4
    (found,) = decode(FCOS, outputs)
    assert len(found) == 1


def test_decoding_needs_no_torch():
    code = "import sys, models.detection.decode; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
