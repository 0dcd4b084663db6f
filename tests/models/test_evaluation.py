"""Batched prediction equals one pass, whatever the batch, and read-only images are left alone."""

import numpy as np
import pytest

from models.digits import load_digits
from models.errors import DataError
from models.evaluation import evaluate, predict
from models.registry import build


def test_batches_change_nothing():
    net = build("groupnet_digits", bases=1)
    images = load_digits().test.images[:7]
    logits = predict(net, images, batch_size=3)
    assert logits.shape == (7, 10) and logits.dtype == np.float32 and not net.training
    np.testing.assert_allclose(logits, predict(net, images), rtol=1e-5, atol=1e-5)


def test_the_score_is_the_share_of_right_answers():
    net = build("groupnet_digits", bases=1)
    images = load_digits().test.images[:8]
    right = predict(net, images).argmax(1)
    wrong = (right + 1) % 10
    assert evaluate(net, images, right) == 1
    assert evaluate(net, images, np.concatenate([right[:6], wrong[6:]])) == 0.75


def test_labels_of_other_images_are_refused():
    net = build("groupnet_digits", bases=1)
    with pytest.raises(DataError, match="labels"):
        evaluate(net, load_digits().test.images[:3], np.zeros(4, np.int64))
