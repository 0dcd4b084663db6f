"""A cost model over a declared space: gradient-boosted trees on what a choice means for its kernel.

The features are counts that follow from choice and geometry, such as loads per product and pixels left over.
The trees predict the logarithm of a choice's time as a share of the default's, so that what is learnt of one
kernel ranks another's choices. MetaSchedule's features and model are not used (docs/tuning.md says why).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xgboost

from tvm_schedules.tuning.choice import Choice
from tvm_schedules.tuning.request import KernelRequest

FEWEST = 16
"""Samples before anything is predicted."""

_ROUNDS = 60
_PARAMETERS = {"max_depth": 4, "eta": 0.15, "subsample": 0.9, "seed": 0, "nthread": 1}


class CostModel:
    """Learns from measurements of all kernels, and ranks choices of any."""

    def __init__(self) -> None:
        """Start without knowledge."""
        self._rows: list[list[float]] = []
        self._labels: list[float] = []
        self._trees: xgboost.Booster | None = None

    @property
    def ready(self) -> bool:
        """Whether it has learnt enough to predict."""
        return len(self._rows) >= FEWEST

    def learn(self, request: KernelRequest, choices: Sequence[Choice], ratios: Sequence[float]) -> None:
        """Take measured times of choices of one kernel, as shares of the default's time."""
        self._rows += [features(request, choice) for choice in choices]
        self._labels += [float(np.log(ratio)) for ratio in ratios]
        self._trees = None

    def predict(self, request: KernelRequest, choices: Sequence[Choice]) -> npt.NDArray[np.float64]:
        """Predict the logarithm of each choice's time over the default's; lower is faster. Once `ready`."""
        if self._trees is None:
            # One thread: the machine that learns is the one that measures.
            samples = xgboost.DMatrix(np.array(self._rows), label=self._labels)
            self._trees = xgboost.train(_PARAMETERS, samples, num_boost_round=_ROUNDS)
        asked = xgboost.DMatrix(np.array([features(request, choice) for choice in choices]))
        return np.asarray(self._trees.predict(asked), np.float64)


def features(request: KernelRequest, choice: Choice) -> list[float]:
    """Return what a choice means for a kernel, as numbers of the same length for all kernels.

    The choice's own numbers; pixels, accumulators, loads per product and pixels left over at the edges; then
    the geometry.
    """
    tile, shape = choice.tile, request.shape
    pixels = tile.rows * tile.columns
    region = choice.region or (0, 0)
    counter = tile.counter.value if tile.counter else 0
    chosen = [tile.rows, tile.columns, tile.vectors, tile.unroll, counter, *region]
    products = pixels * tile.vectors
    rest = [shape.out_height % tile.rows, shape.out_width % tile.columns]
    derived = [pixels, products, (pixels + tile.vectors) / products, *rest]
    geometry = [shape.out_height * shape.out_width, shape.in_channels, shape.out_channels]
    kind = [*shape.kernel, *shape.stride, dict(request.options).get("branches", 1), hasattr(shape, "border")]
    return [float(number) for number in (*chosen, *derived, *geometry, *kind)]
