"""Presets from end to end on the digits, in as few epochs as show that each part is there."""

import pytest
import torch

from models.checkpoint import load_checkpoint
from models.digits import load_digits
from models.errors import ConfigError, DataError, TrainingError, UnknownNameError
from models.evaluation import evaluate
from models.training.preset_run import Request, command, make_plan, run_plan, state_path


def _run(out, *, resume=False, observers=(), **choices):
    plan = make_plan(Request(preset="digits", **{"bases": 1, "pretrain_epochs": 1, "epochs": 1} | choices))
    return run_plan(plan, out, resume=resume, observers=observers)


class _Stop:
    def on_epoch(self, _report):
        raise KeyboardInterrupt


class _Count:
    def __init__(self):
        self.epochs = 0

    def on_epoch(self, _report):
        self.epochs += 1


def test_training_writes_a_checkpoint_that_keeps_its_promise(tmp_path):
    out = tmp_path / "digits.pt"
    result = _run(out, seed=5)
    loaded = load_checkpoint(out)
    assert list(tmp_path.iterdir()) == [out]
    assert loaded.meta == result.meta and result.path == out
    expected = "groupnet train digits --bases 1 --seed 5 --pretrain-epochs 1 --epochs 1"
    assert loaded.meta.training_command == expected
    test = load_digits().test
    assert evaluate(loaded.model, test.images, test.labels) == loaded.meta.metrics["top1"]


def test_an_interrupt_leaves_a_state_and_no_checkpoint(tmp_path):
    out = tmp_path / "digits.pt"
    with pytest.raises(KeyboardInterrupt):
        _run(out, observers=[_Stop()])
    assert list(tmp_path.iterdir()) == [state_path(out)]
    with pytest.raises(TrainingError, match="unfinished"):
        _run(out)
    with pytest.raises(TrainingError, match="overrides: None then"):
        _run(out, resume=True, overrides=("crop_area=0.5",))
    count = _Count()
    _run(out, resume=True, observers=[count])
    assert count.epochs == 1 and list(tmp_path.iterdir()) == [out]


def test_a_checkpoint_is_where_another_training_starts(tmp_path):
    first, second = tmp_path / "first.pt", tmp_path / "second.pt"
    _run(first)
    crawl = ("recipe.stages.1.learning_rate=1e-12",)
    result = _run(second, pretrain_epochs=0, backbone=first, overrides=crawl)
    assert result.meta.training_command.endswith(
        "--backbone first.pt --pretrain-epochs 0 --epochs 1 --override recipe.stages.1.learning_rate=1e-12"
    )
    before, after = load_checkpoint(first).model, load_checkpoint(second).model
    for (name, tensor), other in zip(before.named_parameters(), after.parameters(), strict=True):
        torch.testing.assert_close(other, tensor, rtol=1e-4, atol=1e-6, msg=name)


@pytest.mark.parametrize(
    ("choices", "error", "complaint"),
    [
        ({"bases": 0}, ConfigError, "bases"),
        ({"epochs": 0}, TrainingError, "1 or more epochs"),
        ({"pretrain_epochs": -1}, ConfigError, "epochs as 0 or more"),
        ({"resume": True}, TrainingError, "no file"),
        ({"preset": "digit"}, UnknownNameError, "did you mean digits"),
        ({"overrides": ("recipe.size=3",)}, ConfigError, r"unknown \['size'\]"),
    ],
)
def test_options_that_cannot_work_are_refused_at_once(tmp_path, choices, error, complaint):
    resume = choices.pop("resume", False)
    request = Request(**{"preset": "digits", "bases": 1, "pretrain_epochs": 1, "epochs": 1} | choices)
    with pytest.raises(error, match=complaint):
        run_plan(make_plan(request), tmp_path / "digits.pt", resume=resume)
    assert not list(tmp_path.iterdir())


def test_a_folder_for_data_that_need_none_is_refused(tmp_path):
    with pytest.raises(DataError, match="no folder"):
        _run(tmp_path / "digits.pt", data=tmp_path)


@pytest.mark.parametrize("name", ["", "none/digits.pt"])
def test_a_place_that_cannot_hold_the_file_is_refused_at_once(tmp_path, name):
    with pytest.raises(TrainingError, match="existing folder"):
        _run(tmp_path / name)


def test_a_folder_that_cannot_be_written_is_refused_before_training(tmp_path, monkeypatch):
    """As root every folder can be written, so the system's answer is made up."""

    def refuse(**_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("models.training.preset_run.tempfile.TemporaryFile", refuse)
    with pytest.raises(TrainingError, match=r"expected to write .*digits\.pt; got Permission denied"):
        _run(tmp_path / "digits.pt", observers=[_Stop()])
    assert not list(tmp_path.iterdir())


def test_the_command_repeats_what_was_asked_for(tmp_path):
    plan = make_plan(
        Request(
            preset="digits",
            data=tmp_path / "some data",
            seed=7,
            backbone=tmp_path / "start.pt",
            overrides=("recipe.batch_size=32", "network.width=16"),
        )
    )
    assert command(plan) == (
        "groupnet train digits --data 'some data' --bases 3 --seed 7 --backbone start.pt "
        "--override recipe.batch_size=32 --override network.width=16"
    )
    assert plan.recipe.batch_size == 32 and plan.config.width == 16
