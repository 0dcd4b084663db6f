"""Observers that keep what a training told: one JSON object a line, and TensorBoard's files."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.errors import TrainingError
from models.training.report import EpochReport, StepReport, as_dict


def log_path(out: Path) -> Path:
    """Where the log of the training that writes `out` is."""
    return out.with_name(f"{out.name}.log.jsonl")


class JsonLog:
    """Lines `{"event": "step" | "epoch", ...}` with the fields of the reports."""

    def __init__(self, path: Path, resume: bool) -> None:
        """Name the file; the first event starts it anew, or goes on with it where a training is resumed."""
        self._path = path
        self._mode = "a" if resume else "w"

    def on_step(self, report: StepReport) -> None:
        """Write one line."""
        self._write("step", as_dict(report))

    def on_epoch(self, report: EpochReport) -> None:
        """Write one line."""
        self._write("epoch", as_dict(report))

    def on_pictures(self, epoch: int, pictures: dict[str, npt.NDArray[np.uint8]]) -> None:
        """Pictures have no place in text."""

    def _write(self, event: str, values: dict[str, Any]) -> None:
        with self._path.open(self._mode, encoding="utf-8") as file:
            file.write(json.dumps({"event": event, **values}) + "\n")
        self._mode = "a"


class TensorBoardLog:
    """Curves of loss, scores, rate and speed, and pictures, for `tensorboard --logdir FOLDER`."""

    def __init__(self, folder: Path) -> None:
        """Open the folder.

        Raises:
            TrainingError: The package that writes TensorBoard's files is not installed.
        """
        try:
            from tensorboardX import SummaryWriter
        except ImportError as error:
            raise TrainingError(
                "expected the package tensorboardX to write TensorBoard's files; got none; install it with "
                "`pip install tensorboardX`, or read the .log.jsonl beside the checkpoint"
            ) from error
        self._writer = SummaryWriter(str(folder))

    def on_step(self, report: StepReport) -> None:
        """One point of the loss."""
        self._writer.add_scalar("step/loss", report.loss, report.step)

    def on_epoch(self, report: EpochReport) -> None:
        """One point of every curve."""
        curves = {
            "train/loss": report.loss,
            "train/learning_rate": report.learning_rate,
            "train/images_per_s": report.images / report.seconds,
        }
        curves |= {f"train/{name}": value for name, value in report.scores.items()}
        curves |= {f"test/{name}": value for name, value in report.metrics.items()}
        for name, value in curves.items():
            self._writer.add_scalar(name, value, report.number)

    def on_pictures(self, epoch: int, pictures: dict[str, npt.NDArray[np.uint8]]) -> None:
        """The pictures of this epoch."""
        for name, picture in pictures.items():
            self._writer.add_image(name, picture, epoch, dataformats="HWC")

    def close(self) -> None:
        """Write what is still waiting; a thread of the package writes, and its flush does not wait for it."""
        self._writer.close()
