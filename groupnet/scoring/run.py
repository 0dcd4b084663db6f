"""One run of `groupnet eval` over the images that have no answer yet."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from android_runner.errors import DeviceError
from groupnet.bundle import Bundle
from groupnet.console import note
from groupnet.eval_data import EvalData
from groupnet.pixels import normalised, takes_pixels
from groupnet.running import reference_numbers
from groupnet.scoring.answer_batch import AnswerBatch
from groupnet.scoring.answers import Answers
from groupnet.scoring.board import Board
from groupnet.scoring.crew import Checked, Crew, Lost, Opened, Scored, Work
from groupnet.scoring.devices import Devices
from groupnet.scoring.places import image_bytes
from groupnet.scoring.pytorch import Twin, make_checks
from models.scoring.by_task import make_scorer
from models.task_config import NetworkConfig

Array = npt.NDArray[Any]
Say = Callable[[str, int], None]
"""Told what is being done and how many images are."""

_REPORT_S = 2.0  # between lines of progress


class Run:
    """Hands out images, compares what comes back with PyTorch, and keeps it."""

    def __init__(
        self,
        bundle: Bundle,
        config: NetworkConfig,
        dataset: EvalData,
        twin: Twin | None,
        answers: Answers,
        say: Say,
    ) -> None:
        """Take what is scored, PyTorch's side, and where answers are kept."""
        self._bundle, self._dataset, self._twin = bundle, dataset, twin
        self._answers, self._say, self._scorer = answers, say, make_scorer(config)
        self._takes_pixels = takes_pixels(bundle.manifest.inputs[0])
        self._ready = False
        self._said_s = self._started_s = time.monotonic()
        self._before = answers.count

    def score(self, find: Callable[[], Devices], check: int) -> float:
        """Score what is left, and keep the answers as they come.

        Args:
            find: Finds the devices; not called where nothing is left to do.
            check: How many images' integers are compared at every layer, some of them maybe in a former run.

        Returns:
            When the first device was ready, of `time.monotonic`.

        Raises:
            DeviceError: no device is left, or one computes other numbers than PyTorch.
            EvaluationError, BundleError, DataError: see `run_eval`.
        """
        left = set(range(self._dataset.count)) - self._answers.indices
        sample = np.linspace(0, self._dataset.count - 1, min(check, self._dataset.count)).round()
        unchecked = {int(index) for index in sample} - set(self._answers.checks())
        if not left and not (unchecked and self._twin and self._twin.compiled):
            return self._started_s
        devices = find()
        images = sorted(unchecked)
        pixels = self._dataset.read(images)[0] if images else ()
        checks = make_checks(self._bundle, self._twin, dict(zip(images, pixels, strict=True)))
        work = Work(
            Board(left, len(devices.openers)),
            self._dataset.read,
            self._prepare,
            image_bytes(self._bundle),
            reference_numbers(self._bundle),
            deque(checks),
        )
        if devices.about is not None:
            self._answers.add_device(devices.about)
        try:
            for event in Crew(devices.openers, work).run():
                match event:
                    case Opened():
                        if not self._ready:
                            self._ready, self._started_s = True, time.monotonic()
                        if devices.about is None:
                            self._answers.add_device(event.about)
                        self._tell(f"{event.device}: {event.report.integers:,} integers equal PyTorch's")
                    case Checked():
                        self._answers.add_check(event.image, asdict(event.report))
                    case Lost():
                        note(f"note: {event.reason}")
                    case Scored():
                        self._keep(event)
        except (DeviceError, KeyboardInterrupt) as exc:
            kept = self._answers.count
            hint = f"{kept} of {self._dataset.count} images are kept: run the same command again to go on"
            if kept and isinstance(exc, DeviceError):
                exc.args = (f"{str(exc).rstrip('.')}; {hint}",)
            elif kept:
                note(f"note: {hint}")
            raise
        return self._started_s

    def _prepare(self, pixels: Array) -> Array:
        return pixels if self._takes_pixels else normalised(pixels, self._bundle.manifest.preprocessing)

    def _keep(self, scored: Scored) -> None:
        found, count = self._scorer.predict(scored.outputs, scored.truths), len(scored.images)
        expected, difference, same = None, np.full(count, np.nan), np.zeros((count, 2), np.int64)
        if self._twin is not None:
            outputs = self._twin.outputs(normalised(scored.pixels, self._bundle.manifest.preprocessing))
            expected = self._scorer.predict(outputs, scored.truths)
            difference = _largest_differences(scored.outputs, outputs)
            same = self._scorer.same(found, expected)
        images, device = np.array(scored.images, np.int64), np.full(count, scored.device)
        self._answers.add(AnswerBatch(images, found, scored.truths, expected, difference, same, device))
        now_s, done = time.monotonic(), self._answers.count
        if now_s - self._said_s > _REPORT_S or done == self._dataset.count:
            self._said_s = now_s
            rate = (done - self._before) / (now_s - self._started_s)
            left_s = (self._dataset.count - done) / rate
            self._say(f"{done} of {self._dataset.count} images, {rate:.3g}/s, {left_s:.0f} s left", done)

    def _tell(self, text: str) -> None:
        self._say(text, self._answers.count)


def _largest_differences(outputs: Sequence[Array], expected: Sequence[Array]) -> npt.NDArray[np.float64]:
    """By image, over all outputs."""
    parts = [
        np.abs(mine - other).reshape(len(mine), -1).max(1)
        for mine, other in zip(outputs, expected, strict=True)
    ]
    largest: npt.NDArray[np.float64] = np.max(parts, axis=0).astype(np.float64)
    return largest
