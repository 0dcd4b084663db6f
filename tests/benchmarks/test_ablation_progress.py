"""Time left follows from the work that is left, whatever the order in which runs end."""

import pytest
from ablation_samples import sample_runs

from benchmarks.ablation_progress import Progress, duration
from models.training.report import EpochReport


def _epoch(number, seconds):
    return EpochReport(
        stage=1, stages=2, precision="tanh", epoch=number, epochs=20, number=number, loss=1.5, scores={},
        metrics={}, learning_rate=0.1, images=10, seconds=seconds,
    )  # fmt: skip


def test_equal_runs_take_equally_long():
    said = []
    runs = sample_runs(seeds=3, only=["LBD"])  # 40 epochs each
    progress = Progress(said.append, runs)
    progress.begin(runs[0])
    progress.on_epoch(_epoch(1, 10.0))
    assert said[-1].startswith("run 1 of 3: LBD, K = 3, seed 0, epoch 1 of 40 (tanh), loss 1.500; ")
    assert "20 min left" in said[-1]  # 119 epochs of 10 s
    progress.on_epoch(_epoch(40, 30.0))  # resumed elsewhere; the mean is 20 s now
    assert "27 min left" in said[-1]
    progress.leave(runs[0])
    progress.leave(runs[1])  # another process has it
    progress.begin(runs[2])
    progress.on_epoch(_epoch(39, 20.0))
    assert said[-1].startswith("run 3 of 3") and "20 s left" in said[-1]


def test_larger_networks_take_longer():
    said = []
    small, large = sample_runs(seeds=1, only=["Group-Net"])[:2]  # K = 1 and 3
    progress = Progress(said.append, [small, large])
    progress.begin(small)
    progress.on_epoch(_epoch(40, 1.0))
    left = float(said[-1].split("about ")[1].split(" s")[0])
    assert 60 < left < 120  # 40 epochs of between 1.5 and 3 s


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (9000, "2.5 h")])
def test_durations(seconds, text):
    assert duration(seconds) == text
