"""The two-stage loop: it learns, resumes to the same bits, and refuses what it cannot resume."""

import dataclasses

import pytest
import torch

from models.config import GroupNetConfig
from models.errors import CheckpointError, ModelsError, TrainingError
from models.group_net import GroupNet
from models.training import Recipe, Stage, train

CONFIG = GroupNetConfig(
    depths=(1, 1), width=4, bases=2, num_classes=2, in_channels=1, input_size=8, stem="small"
)
PRETRAIN = Stage(
    precision="tanh", optimizer="sgd", learning_rate=0.05, weight_decay=1e-4, epochs=2, milestones=(1,)
)
BINARY = Stage(
    precision="binary", optimizer="adam", learning_rate=5e-3, weight_decay=0.0, epochs=2, milestones=(1,)
)
RECIPE = Recipe(stages=(PRETRAIN, BINARY), batch_size=8, seed=3)


def _data():
    """Bright and dark noise: 24 images of two classes."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(24) % 2
    images = torch.randn(24, 1, 8, 8, generator=generator) + (labels * 4 - 2).reshape(-1, 1, 1, 1)
    return images, labels


def _noise(images, generator):
    return images + 0.1 * torch.randn(images.shape, generator=generator)


def _train(path, recipe=RECIPE, config=CONFIG, augment=_noise, **options):
    return train(config, recipe, *_data(), augment=augment, state_path=path, **options)


def _interrupt_after(count):
    """An epoch callback that gives up after `count` epochs."""
    seen = []

    def callback(report):
        seen.append(report)
        if len(seen) == count:
            raise KeyboardInterrupt

    return callback


def _assert_same(model, expected):
    for name, tensor in expected.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name


def test_both_stages_learn_and_report(tmp_path):
    recipe = Recipe(
        stages=tuple(dataclasses.replace(stage, epochs=6) for stage in RECIPE.stages), batch_size=8, seed=3
    )
    reports = []
    model = _train(tmp_path / "state", recipe, progress=reports.append)
    assert model.config.precision == "binary"
    assert [(r.stage, r.stages, r.epoch, r.epochs) for r in reports] == [
        (stage, 2, epoch, 6) for stage in (1, 2) for epoch in range(1, 7)
    ]
    assert [r.precision for r in reports] == ["tanh"] * 6 + ["binary"] * 6
    assert reports[-1].accuracy > 0.9 and reports[5].loss < reports[0].loss


def test_the_seed_decides_everything_and_the_global_generator_nothing(tmp_path):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = _train(tmp_path / "a")
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    _assert_same(_train(tmp_path / "b"), first)
    other = _train(tmp_path / "c", dataclasses.replace(RECIPE, seed=4))
    assert not torch.equal(other.classifier.weight, first.classifier.weight)


@pytest.mark.parametrize("epochs_done", [1, 2, 3, 4])
def test_a_run_interrupted_after_any_epoch_ends_with_the_same_bits(tmp_path, epochs_done):
    expected = _train(tmp_path / "whole")
    path = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        _train(path, progress=_interrupt_after(epochs_done))
    reports = []
    _assert_same(_train(path, resume=True, progress=reports.append), expected)
    assert len(reports) == 4 - epochs_done


def test_a_run_interrupted_within_an_epoch_ends_with_the_same_bits(tmp_path):
    expected = _train(tmp_path / "whole")
    path, calls = tmp_path / "broken", []

    def interrupted(images, generator):
        calls.append(1)
        if len(calls) == 3 * 2 + 2:  # the second batch of the third epoch
            raise KeyboardInterrupt
        return _noise(images, generator)

    with pytest.raises(KeyboardInterrupt):
        _train(path, augment=interrupted)
    assert list(tmp_path.iterdir()).count(path) == 1
    _assert_same(_train(path, resume=True), expected)


def test_the_binary_stage_starts_from_the_pre_trained_parameters(tmp_path):
    recipe = dataclasses.replace(RECIPE, stages=(PRETRAIN, dataclasses.replace(BINARY, epochs=0)))
    pretrained = _train(tmp_path / "a", dataclasses.replace(RECIPE, stages=(PRETRAIN,)))
    _assert_same(_train(tmp_path / "b", recipe), pretrained)


def test_the_rate_falls_at_each_milestone(tmp_path):
    """With the rate cut to nothing at epoch 1, further epochs leave the parameters where they were."""
    stage = dataclasses.replace(BINARY, epochs=1, milestones=())
    one = _train(tmp_path / "a", Recipe(stages=(stage,), batch_size=8, seed=0))
    cut = dataclasses.replace(stage, epochs=2, milestones=(1,) * 30)
    two = _train(tmp_path / "b", Recipe(stages=(cut,), batch_size=8, seed=0))
    for (name, parameter), other in zip(one.named_parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(parameter, other, msg=name)


def test_resuming_without_a_state_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="no file"):
        _train(tmp_path / "none", resume=True)


@pytest.mark.parametrize(
    ("recipe", "config"),
    [(dataclasses.replace(RECIPE, seed=9), CONFIG), (RECIPE, CONFIG.replace(bases=3))],
)
def test_resuming_another_run_is_refused(tmp_path, recipe, config):
    with pytest.raises(KeyboardInterrupt):
        _train(tmp_path / "state", progress=_interrupt_after(1))
    with pytest.raises(TrainingError, match="settings it was started with"):
        _train(tmp_path / "state", recipe, config, resume=True)


def test_resuming_from_another_file_is_refused(tmp_path):
    path = tmp_path / "state"
    torch.save({"format": "other"}, path)
    with pytest.raises(CheckpointError, match="another kind"):
        _train(path, resume=True)
    path.write_bytes(b"")
    with pytest.raises(CheckpointError, match="truncated"):
        _train(path, resume=True)


def test_a_loss_that_is_no_number_stops_the_run(tmp_path):
    def broken(images, _generator):
        return images * float("nan")

    with pytest.raises(TrainingError, match="finite loss"):
        _train(tmp_path / "state", augment=broken)
    assert not (tmp_path / "state").exists()


def test_a_folder_that_cannot_be_written_stops_the_first_epoch(tmp_path):
    with pytest.raises(ModelsError, match="expected to write"):
        _train(tmp_path / "none" / "state")


def test_an_interrupted_run_holds_a_network_that_loads(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        _train(tmp_path / "state", progress=_interrupt_after(3))
    state = torch.load(tmp_path / "state", weights_only=True)
    GroupNet(CONFIG).load_state_dict(state["model"])
    assert (state["stage"], state["epochs_done"]) == (1, 1)
