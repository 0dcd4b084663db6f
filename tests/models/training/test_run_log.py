"""The log's lines and TensorBoard's files."""

import dataclasses
import json
import sys

import numpy as np
import pytest

from models.errors import TrainingError
from models.training.report import EpochReport, StepReport
from models.training.run_log import JsonLog, TensorBoardLog, log_path

EPOCH = EpochReport(
    stage=1, stages=2, precision="tanh", epoch=1, epochs=3, number=1, loss=0.5, scores={"accuracy": 0.75},
    metrics={"top1": 0.5}, learning_rate=0.1, images=8, seconds=2.0,
)  # fmt: skip
STEP = StepReport(step=50, stage=1, epoch=1, loss=0.6, learning_rate=0.1)


def _lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_one_object_a_line(tmp_path):
    path = log_path(tmp_path / "net.pt")
    log = JsonLog(path, resume=False)
    assert not path.exists()
    log.on_step(STEP)
    log.on_pictures(1, {})
    log.on_epoch(EPOCH)
    assert path.name == "net.pt.log.jsonl"
    assert _lines(path) == [
        {"event": "step", **dataclasses.asdict(STEP)},
        {"event": "epoch", **dataclasses.asdict(EPOCH)},
    ]


@pytest.mark.parametrize(("resume", "lines"), [(True, 2), (False, 1)])
def test_a_resumed_training_goes_on_with_its_log(tmp_path, resume, lines):
    JsonLog(tmp_path / "log", resume=False).on_epoch(EPOCH)
    JsonLog(tmp_path / "log", resume=resume).on_epoch(EPOCH)
    assert len(_lines(tmp_path / "log")) == lines


def test_tensorboard_files_hold_curves_and_pictures(tmp_path):
    log = TensorBoardLog(tmp_path)
    log.on_step(STEP)
    log.on_epoch(EPOCH)
    log.on_pictures(1, {"a picture": np.zeros((4, 5, 3), np.uint8)})
    log.close()
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    for name in (b"step/loss", b"train/accuracy", b"train/images_per_s", b"test/top1", b"a_picture", b"PNG"):
        assert name in content, name


def test_without_the_package_a_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(TrainingError, match="pip install tensorboardX"):
        TensorBoardLog(tmp_path)
