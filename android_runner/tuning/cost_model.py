"""A cost model over declared spaces: gradient-boosted trees on what a choice means for its kernel.

The trees predict the logarithm of a choice's time as a share of the default's, so that what is learnt of one
kernel ranks another's choices. MetaSchedule's features and model are not used (docs/tuning.md says why).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xgboost

from android_runner.tuning.features import features
from tvm_schedules.tuning.choice import Choice

FEWEST = 16
"""Samples before anything is predicted."""

_ROUNDS = 60
_PARAMETERS = {"max_depth": 4, "eta": 0.15, "subsample": 0.9, "seed": 0, "nthread": 1}


@dataclass(frozen=True)
class Sample:
    """What was measured of a choice of a kernel.

    Attributes:
        key: the kernel's.
        choice: what it was built with.
        ratio: its time as a share of the default's.
        weight: how much it counts; 1 is a measurement under the conditions that are asked about.
    """

    key: str
    choice: Choice
    ratio: float
    weight: float = 1.0


class CostModel:
    """Learns from measurements of all kernels, and ranks choices of any."""

    def __init__(self) -> None:
        """Start without knowledge."""
        self._samples: list[Sample] = []
        self._trees: xgboost.Booster | None = None

    @property
    def ready(self) -> bool:
        """Whether it has learnt enough to predict."""
        return len(self._samples) >= FEWEST

    def learn(self, samples: Iterable[Sample]) -> None:
        """Take measurements."""
        self._samples += samples
        self._trees = None

    def predict(self, key: str, choices: Sequence[Choice]) -> npt.NDArray[np.float64]:
        """Predict the logarithm of each choice's time over the default's; lower is faster. Once `ready`."""
        if self._trees is None:
            rows = np.array([features(sample.key, sample.choice) for sample in self._samples])
            labels = np.log([sample.ratio for sample in self._samples])
            weights = np.array([sample.weight for sample in self._samples])
            # One thread: the machine that learns is the one that measures.
            known = xgboost.DMatrix(rows, label=labels, weight=weights)
            self._trees = xgboost.train(_PARAMETERS, known, num_boost_round=_ROUNDS)
        asked = xgboost.DMatrix(np.array([features(key, choice) for choice in choices]))
        return np.asarray(self._trees.predict(asked), np.float64)
