"""What to measure next: within a kernel's space by the cost model, and among kernels by what is to gain.

Within a space: what the model thinks fastest, and now and then one at random whatever the model thinks. The
rest of a small space is simply all measured.
Among kernels: latency is what counts, so trials go where share of latency times recent gain is largest.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from android_runner.tuning.cost_model import CostModel
from tvm_schedules.tuning.choice import Choice
from tvm_schedules.tuning.request import KernelTask

EPSILON = 0.2
"""Share of proposals that do not ask the model."""

_HOPE = 0.05
"""Gain that a space without any measurement is thought to hold."""


@dataclass
class KernelSearch:
    """What is known of one kernel.

    Attributes:
        task: the kernel.
        space: its choices, the default first.
        tried: choices that were measured, whatever came of it.
        ratios: times of those that worked, as shares of the default's.
        default_seconds: smallest time of the default; 0 before the first measurement.
        recent_gain: by what share of the default's time the last batch bettered the best.
    """

    task: KernelTask
    space: list[Choice]
    tried: set[Choice] = field(default_factory=set)
    ratios: dict[Choice, float] = field(default_factory=dict)
    default_seconds: float = 0.0
    recent_gain: float = 0.0

    @property
    def open(self) -> list[Choice]:
        """Choices not measured yet; the default is measured beside every other."""
        return [choice for choice in self.space[1:] if choice not in self.tried]

    @property
    def best_ratio(self) -> float:
        """The best time as a share of the default's, which is a choice too: at most 1."""
        return min(1.0, *self.ratios.values()) if self.ratios else 1.0

    def promise(self, model: CostModel) -> float:
        """What another batch may gain, in seconds of the network; infinite before the first one."""
        if not self.tried:
            return float("inf")
        predicted = 0.0
        if model.ready:
            predicted = max(0.0, self.best_ratio - math.exp(model.predict(self.task.key, self.open).min()))
        unknown = _HOPE * len(self.open) / max(1, len(self.space) - 1)
        return self.task.calls * self.default_seconds * (self.recent_gain + predicted + unknown)


def next_kernel(searches: Sequence[KernelSearch], model: CostModel) -> KernelSearch | None:
    """Return the kernel whose next batch promises most; None: everything was measured."""
    return max((search for search in searches if search.open), key=lambda s: s.promise(model), default=None)


def propose(search: KernelSearch, model: CostModel, count: int, rng: random.Random) -> list[Choice]:
    """Return up to `count` choices that were not measured yet, the most promising first."""
    left = search.open
    if len(left) <= count:
        return left
    if not model.ready:
        return rng.sample(left, count)
    # Spaces are small enough to be ranked whole.
    predicted = model.predict(search.task.key, left)
    ranked = [left[place] for place in predicted.argsort(kind="stable")]
    random_ones = sum(rng.random() < EPSILON for _ in range(count))
    chosen = ranked[: count - random_ones]
    others = ranked[count - random_ones :]
    return chosen + rng.sample(others, random_ones)
