"""Top-k by construction, ties, and arrays that do not belong together."""

import numpy as np
import pytest

from models.errors import DataError
from models.scoring.topk import top1, topk

LOGITS = np.array([[3.0, 2.0, 1.0], [1.0, 3.0, 2.0], [1.0, 2.0, 3.0], [5.0, 5.0, 5.0]])
LABELS = np.array([0, 2, 0, 1])


def test_shares_are_counted_by_hand():
    assert top1(LOGITS, LABELS) == 1 / 4
    assert topk(LOGITS, LABELS, 2) == 3 / 4
    assert topk(LOGITS, LABELS, 3) == 1


@pytest.mark.parametrize(
    ("logits", "labels", "k", "complaint"),
    [
        (LOGITS, LABELS[:2], 1, "labels"),
        (LOGITS[0], LABELS, 1, "labels"),
        (LOGITS[:0], LABELS[:0], 1, "at least one image"),
        (LOGITS, LABELS, 4, "k from 1 to 3"),
        (LOGITS, LABELS, 0, "k from 1 to 3"),
        (np.full((4, 3), np.nan), LABELS, 1, "NaN"),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(logits, labels, k, complaint):
    with pytest.raises(DataError, match=complaint):
        topk(logits, labels, k)
