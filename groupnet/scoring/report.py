"""What the kept answers say: scores, the difference from PyTorch, and the images where it is largest."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from groupnet.scoring.answer_batch import Answer, AnswerBatch
from groupnet.scoring.answers import Answers
from models.scoring.by_task import make_scorer
from models.task_config import NetworkConfig


@dataclass(frozen=True)
class Worst:
    """An image whose answer differs from PyTorch's.

    Attributes:
        answer: Device's, PyTorch's and true.
        rank: 1 is worst: by the share of the prediction that differs, then by the outputs' difference.
    """

    answer: Answer
    rank: int

    def describe(self) -> dict[str, Any]:
        """As `eval --json` prints it."""
        same, units = self.answer.same
        return {
            "image": self.answer.image,
            "max_abs_diff": self.answer.difference,
            "same": same,
            "predictions": units,
            "device": self.answer.device,
        }


@dataclass(frozen=True)
class Report:
    """What `eval --json` prints of the answers, and the worst of them."""

    fields: dict[str, Any]
    worst: list[Worst]


def report(answers: Answers, config: NetworkConfig, worst: int) -> Report:
    """Score all answers in the images' order, so that it does not matter who scored them when.

    Args:
        answers: At least one.
        config: The network's description.
        worst: How many of the worst images are wanted.

    Raises:
        DataError: the answers cannot be scored, because no image has an object or an output is no number.
    """
    on_device, in_pytorch = make_scorer(config), make_scorer(config)
    devices: Counter[str] = Counter()
    differences, units = [], []
    # Masks are large: only the worst so far are kept.
    ranked: list[Answer] = []
    for batch in answers.read():
        on_device.add(batch.found, batch.truth)
        devices.update(batch.device.tolist())
        if batch.expected is None:
            continue
        in_pytorch.add(batch.expected, batch.truth)
        differences.append(batch.difference)
        units.append(batch.same)
        ranked = sorted([*ranked, *_worst_of(batch, worst)], key=_badness, reverse=True)[:worst]
    compared = bool(differences)
    same, predictions = np.concatenate(units).sum(0).tolist() if compared else (None, None)
    fields = {
        "images": sum(devices.values()),
        "scores": on_device.scores(),
        "pytorch_scores": in_pytorch.scores() if compared else None,
        "same_predictions": same,
        "predictions": predictions,
        "prediction_of": on_device.unit,
        "images_by_device": dict(sorted(devices.items())),
        "difference": _difference(differences, units) if compared else None,
    }
    found = [Worst(answer, rank) for rank, answer in enumerate(ranked, 1)]
    fields["worst"] = [one.describe() for one in found]
    return Report(fields, found)


def _worst_of(batch: AnswerBatch, count: int) -> list[Answer]:
    """The worst of a batch, among equal ones the first."""
    same, units = batch.same.T
    other = np.divide(units - same, units, out=np.zeros(len(batch)), where=units > 0)
    rows = np.lexsort((np.arange(len(batch)), -batch.difference, -other))[:count]
    return [batch.one(row) for row in rows.tolist()]


def _badness(answer: Answer) -> tuple[float, float]:
    same, units = answer.same
    return ((units - same) / units if units else 0.0, answer.difference)


def _difference(
    differences: Sequence[npt.NDArray[np.float64]], units: Sequence[npt.NDArray[np.int64]]
) -> dict[str, float | int]:
    """Of outputs from PyTorch's, by image the largest."""
    values, (same, all_units) = np.concatenate(differences), np.concatenate(units).T
    return {
        "max_abs": float(values.max()),
        "median_abs": float(np.median(values)),
        "images_with_other_predictions": int((same != all_units).sum()),
    }
