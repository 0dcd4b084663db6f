"""How far an ablation table is, and how long the rest will take."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from benchmarks.ablation_run import Run, network_costs
from models.training.report import EpochReport, StepReport


class Progress:
    """Tells after each epoch how much time is left.

    Runs differ: an epoch's time is taken to be proportional to the network's multiply-accumulates, which
    training computes in floats whatever they are when deployed. Small networks take longer than that.
    """

    def __init__(self, say: Callable[[str], None], runs: list[Run]) -> None:
        """Expect `runs`, none of which is measured."""
        self._say = say
        self._count = len(runs)
        self._work = {run.name: _epoch_work(run) for run in runs}
        self._left = {run.name: self._work[run.name] * run.epochs for run in runs}
        self._run: Run | None = None
        self._done = 0.0
        self._seconds = 0.0

    def begin(self, run: Run) -> None:
        """What follows is about `run`."""
        self._run = run

    def leave(self, run: Run) -> None:
        """Nothing of `run` is left to this process: it is measured, failed, or is another process's."""
        self._left.pop(run.name, None)

    def on_step(self, report: StepReport) -> None:
        """Epochs are short enough."""

    def on_epoch(self, report: EpochReport) -> None:
        """Say where the run is."""
        run = self._run
        assert run is not None
        work = self._work[run.name]
        self._done += work
        self._seconds += report.seconds
        self._left[run.name] = work * (run.epochs - report.number)
        left = sum(self._left.values()) * self._seconds / self._done
        number = self._count - len(self._left) + 1
        self._say(
            f"run {number} of {self._count}: {label(run)}, epoch {report.number} of {run.epochs} "
            f"({report.precision}), loss {report.loss:.3f}; about {duration(left)} left"
        )

    def on_pictures(self, epoch: int, pictures: dict[str, npt.NDArray[np.uint8]]) -> None:
        """A terminal shows none."""


def label(run: Run) -> str:
    """A run for people."""
    return f"{run.variant}, K = {run.bases}, seed {run.seed}"


def duration(seconds: float) -> str:
    """For people: seconds below two minutes, minutes below two hours, then hours."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _epoch_work(run: Run) -> float:
    costs = network_costs(run.plan.config)
    return float(costs.binary_macs + costs.float_macs)
