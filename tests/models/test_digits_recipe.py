"""Training on the digits from end to end, in as few epochs as show that each part is there."""

import numpy as np
import pytest
import torch

from models.checkpoint import load_checkpoint
from models.digits import load_digits
from models.digits_recipe import EPOCHS, PRETRAIN_EPOCHS, jitter, recipe, state_path, train_digits
from models.errors import ConfigError, TrainingError
from models.evaluation import evaluate


def test_training_writes_a_checkpoint_that_keeps_its_promise(tmp_path):
    out = tmp_path / "digits.pt"
    result = train_digits(out, bases=1, seed=5, pretrain_epochs=1, epochs=1)
    loaded = load_checkpoint(out)
    assert list(tmp_path.iterdir()) == [out]
    assert loaded.meta == result.meta and result.path == out
    command = "groupnet train digits --bases 1 --seed 5 --pretrain-epochs 1 --epochs 1"
    assert loaded.meta.training_command == command
    test = load_digits().test
    assert evaluate(loaded.model, test.images, test.labels) == result.top1 == loaded.meta.metrics["top1"]


def test_an_interrupt_leaves_a_state_and_no_checkpoint(tmp_path):
    def stop(_report):
        raise KeyboardInterrupt

    out = tmp_path / "digits.pt"
    with pytest.raises(KeyboardInterrupt):
        train_digits(out, bases=1, pretrain_epochs=1, epochs=1, progress=stop)
    assert list(tmp_path.iterdir()) == [state_path(out)]
    with pytest.raises(TrainingError, match="unfinished"):
        train_digits(out, bases=1, pretrain_epochs=1, epochs=1)
    reports = []
    train_digits(out, bases=1, pretrain_epochs=1, epochs=1, resume=True, progress=reports.append)
    assert len(reports) == 1 and list(tmp_path.iterdir()) == [out]


def test_the_stages_are_the_official_ones_shortened():
    pretrain, binary = recipe(PRETRAIN_EPOCHS, EPOCHS, seed=0).stages
    assert (pretrain.precision, pretrain.optimizer, pretrain.learning_rate) == ("tanh", "sgd", 0.05)
    assert (binary.precision, binary.optimizer, binary.learning_rate) == ("binary", "adam", 5e-4)
    assert pretrain.weight_decay == 1e-4 and binary.weight_decay == 0


def test_jitter_moves_images_a_little_and_fills_with_background():
    images = torch.tensor(load_digits().train.images[:64])
    moved = jitter(images, torch.Generator().manual_seed(0))
    assert moved.shape == images.shape and not torch.equal(moved, images)
    assert moved.min() >= images.min() - 1e-5 and moved.max() <= images.max() + 1e-5
    blank = torch.full((2, 1, 32, 32), images.min().item())
    torch.testing.assert_close(jitter(blank, torch.Generator().manual_seed(0)), blank)
    assert np.corrcoef(moved.flatten(), images.flatten())[0, 1] > 0.7


@pytest.mark.parametrize(
    ("options", "error", "complaint"),
    [
        ({"bases": 0}, ConfigError, "bases"),
        ({"epochs": 0}, TrainingError, "1 or more of training"),
        ({"pretrain_epochs": -1}, TrainingError, "0 or more epochs"),
        ({"resume": True}, TrainingError, "no file"),
    ],
)
def test_options_that_cannot_work_are_refused_at_once(tmp_path, options, error, complaint):
    with pytest.raises(error, match=complaint):
        train_digits(tmp_path / "digits.pt", **options)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["", "none/digits.pt"])
def test_a_place_that_cannot_hold_the_file_is_refused_at_once(tmp_path, name):
    with pytest.raises(TrainingError, match="existing folder"):
        train_digits(tmp_path / name)
