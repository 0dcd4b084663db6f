"""What the kept answers say: scores, the difference from PyTorch, and the images where it is largest."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from groupnet.scoring.answers import Answer, Answers
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
    differences, other = [], 0
    same = predictions = 0
    # Masks are large: only the worst so far are kept.
    ranked: list[Answer] = []
    for answer in answers.read():
        on_device.add(answer.found, answer.truth)
        devices[answer.device] += 1
        if answer.expected is None:
            continue
        in_pytorch.add(answer.expected, answer.truth)
        same, predictions = same + answer.same[0], predictions + answer.same[1]
        differences.append(answer.difference)
        other += answer.same[0] != answer.same[1]
        ranked = sorted([*ranked, answer], key=_badness, reverse=True)[:worst]
    compared = bool(differences)
    fields = {
        "images": sum(devices.values()),
        "scores": on_device.scores(),
        "pytorch_scores": in_pytorch.scores() if compared else None,
        "same_predictions": same if compared else None,
        "predictions": predictions if compared else None,
        "prediction_of": on_device.unit,
        "images_by_device": dict(sorted(devices.items())),
        "difference": _difference(differences, other) if compared else None,
    }
    found = [Worst(answer, rank) for rank, answer in enumerate(ranked, 1)]
    fields["worst"] = [one.describe() for one in found]
    return Report(fields, found)


def _badness(answer: Answer) -> tuple[float, float]:
    same, units = answer.same
    return (1 - same / units if units else 0.0, answer.difference)


def _difference(values: Sequence[float], other: int) -> dict[str, float | int]:
    """Of outputs from PyTorch's, by image the largest."""
    return {
        "max_abs": max(values),
        "median_abs": float(np.median(values)),
        "images_with_other_predictions": other,
    }
