"""Top-k accuracy from logits as NumPy arrays, the same code for PyTorch's outputs and a device's."""

from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import DataError

Array = npt.NDArray[Any]


def topk(logits: Array, labels: Array, k: int) -> float:
    """The share of images, 0 to 1, whose label is among the `k` largest logits.

    Args:
        logits: Any real dtype, [N, classes].
        labels: Class numbers, [N].
        k: 1 to classes. Among equal logits the lower class counts as the larger.

    Raises:
        DataError: Shapes do not belong together, there are no images, or a logit is not a number.
    """
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not labels.size:
        raise DataError(
            f"expected logits [N, classes] and labels [N] of at least one image; got {logits.shape} and "
            f"{labels.shape}; score one batch of outputs with its own labels"
        )
    if not 1 <= k <= logits.shape[1]:
        raise DataError(f"expected k from 1 to {logits.shape[1]} classes; got {k}; choose a smaller k")
    if np.isnan(logits).any():
        raise DataError("expected numbers as logits; got NaN; the model that computed them is broken")
    # Counting what is larger takes a tenth of the time of sorting a thousand classes.
    known = (labels >= 0) & (labels < logits.shape[1])
    own = logits[np.arange(len(labels)), np.where(known, labels, 0)][:, None]
    lower = np.arange(logits.shape[1]) < labels[:, None]
    larger = ((logits > own) | ((logits == own) & lower)).sum(axis=1)
    return float((known & (larger < k)).mean())


def top1(logits: Array, labels: Array) -> float:
    """The share of images, 0 to 1, whose largest logit is at their label; see `topk`."""
    return topk(logits, labels, 1)
