"""What a training tells while it runs."""

import dataclasses
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from models.config import Precision


@dataclasses.dataclass(frozen=True)
class EpochReport:
    """One finished epoch: `epoch` of `epochs` (from 1), of stage `stage` of `stages` (from 1).

    Attributes:
        stage: Number of the stage.
        stages: How many there are.
        precision: Of the stage.
        epoch: Number of the epoch in its stage.
        number: Number of the epoch in the whole training, from 1.
        epochs: How many there are.
        loss: The mean over the training batches as they were seen.
        scores: Further means over them, such as `accuracy`, 0 to 1.
        metrics: Scores on the test images, where they were taken after this epoch.
        learning_rate: Of the epoch's last step.
        images: Seen in the epoch, by all processes.
        seconds: The epoch took, test images not included.
    """

    stage: int
    stages: int
    precision: Precision
    epoch: int
    epochs: int
    number: int
    loss: float
    scores: dict[str, float]
    metrics: dict[str, float]
    learning_rate: float
    images: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class StepReport:
    """The loss of one step: number `step` of the whole training, from 1, all stages counted."""

    step: int
    stage: int
    epoch: int
    loss: float
    learning_rate: float


class Observer(Protocol):
    """Hears of every epoch, of some steps, and sees some pictures; called in one process alone."""

    def on_step(self, report: StepReport) -> None:
        """Called now and then within an epoch."""

    def on_epoch(self, report: EpochReport) -> None:
        """Called after each epoch, once its state is on disk."""

    def on_pictures(self, epoch: int, pictures: dict[str, npt.NDArray[np.uint8]]) -> None:
        """Called when the test images were scored, with RGB images [H, W, 3]; `epoch` as `number` above."""


def as_dict(report: EpochReport | StepReport) -> dict[str, Any]:
    """The report as plain values."""
    return dataclasses.asdict(report)
