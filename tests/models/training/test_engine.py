"""The loop: it learns, resumes to the same bits, averages, and refuses what it cannot resume."""

import dataclasses

import pytest
import torch

from models.config import GroupNetConfig
from models.errors import CheckpointError, ModelsError, TrainingError
from models.group_net import GroupNet
from models.metadata import Preprocessing
from models.training.array_feed import ArrayFeed
from models.training.classification import Classification
from models.training.engine import Machine, train
from models.training.recipe import Recipe, Stage

CONFIG = GroupNetConfig(
    depths=(1, 1), width=4, bases=2, num_classes=2, in_channels=1, input_size=8, stem="small"
)
PRETRAIN = Stage(
    precision="tanh", optimizer="sgd", learning_rate=0.05, weight_decay=1e-4, epochs=2, milestones=(0.5,)
)
BINARY = Stage(
    precision="binary", optimizer="adam", learning_rate=5e-3, weight_decay=0.0, epochs=2, milestones=(0.5,)
)
RECIPE = Recipe(stages=(PRETRAIN, BINARY), batch_size=8, seed=3)


def _noise(images, generator):
    return images + 0.1 * torch.randn(images.shape, generator=generator)


def _task(augment=_noise):
    """Bright and dark noise: 24 images of two classes, also to test with."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(24) % 2
    images = torch.randn(24, 1, 8, 8, generator=generator) + (labels * 4 - 2).reshape(-1, 1, 1, 1)
    feed = ArrayFeed(images, labels, images, labels, augment)
    return Classification(feed, ("dark", "bright"), Preprocessing(8, 1, (0.5,), (0.5,)))


class _Listener:
    """Keeps the reports, and gives up after `limit` epochs."""

    def __init__(self, limit=None):
        self.epochs, self.steps, self.pictures, self._limit = [], [], [], limit

    def on_step(self, report):
        self.steps.append(report)

    def on_epoch(self, report):
        self.epochs.append(report)
        if len(self.epochs) == self._limit:
            raise KeyboardInterrupt

    def on_pictures(self, epoch, pictures):
        self.pictures.append((epoch, pictures))


def _train(path, recipe=RECIPE, config=CONFIG, augment=_noise, listener=None, **options):
    observers = [] if listener is None else [listener]
    return train(config, recipe, _task(augment), state_path=path, observers=observers, **options)


def _assert_same(model, expected):
    for name, tensor in expected.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name


def _with_epochs(epochs):
    return RECIPE.replace(stages=tuple(dataclasses.replace(s, epochs=epochs) for s in RECIPE.stages))


def test_both_stages_learn_and_report(tmp_path):
    listener = _Listener()
    model = _train(tmp_path / "state", _with_epochs(6), listener=listener)
    reports = listener.epochs
    assert model.config.precision == "binary"
    assert [(r.stage, r.stages, r.epoch, r.epochs) for r in reports] == [
        (stage, 2, epoch, 6) for stage in (1, 2) for epoch in range(1, 7)
    ]
    assert [r.number for r in reports] == list(range(1, 13))
    assert [r.precision for r in reports] == ["tanh"] * 6 + ["binary"] * 6
    assert reports[-1].scores["accuracy"] > 0.9 and reports[5].loss < reports[0].loss
    assert [r.learning_rate for r in reports[:6]] == pytest.approx([0.05] * 3 + [0.005] * 3)
    assert {r.images for r in reports} == {24}


def test_test_images_are_scored_when_asked_and_at_the_end_of_each_stage(tmp_path):
    listener = _Listener()
    _train(tmp_path / "state", _with_epochs(3), listener=listener, machine=Machine(evaluate_every=2))
    scored = [bool(report.metrics) for report in listener.epochs]
    assert scored == [False, True, True] * 2
    assert [epoch for epoch, _ in listener.pictures] == [2, 3, 5, 6]
    name, picture = next(iter(listener.pictures[-1][1].items()))
    assert name == "0: dark" and picture.shape[1:] == (96, 3)


def test_scoring_between_epochs_changes_nothing(tmp_path):
    expected = _train(tmp_path / "a")
    _assert_same(_train(tmp_path / "b", machine=Machine(evaluate_every=1)), expected)


def test_the_seed_decides_everything_and_the_global_generator_nothing(tmp_path):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = _train(tmp_path / "a")
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    _assert_same(_train(None), first)
    other = _train(tmp_path / "c", RECIPE.replace(seed=4))
    assert not torch.equal(other.classifier.weight, first.classifier.weight)


@pytest.mark.parametrize("recipe", [RECIPE, RECIPE.replace(average_decay=0.9)])
@pytest.mark.parametrize("epochs_done", [1, 2, 3, 4])
def test_a_run_interrupted_after_any_epoch_ends_with_the_same_bits(tmp_path, epochs_done, recipe):
    expected = _train(tmp_path / "whole", recipe)
    path = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        _train(path, recipe, listener=_Listener(limit=epochs_done))
    listener = _Listener()
    _assert_same(_train(path, recipe, resume=True, listener=listener), expected)
    assert len(listener.epochs) == 4 - epochs_done


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
    recipe = RECIPE.replace(stages=(PRETRAIN, dataclasses.replace(BINARY, epochs=0)))
    pretrained = _train(tmp_path / "a", RECIPE.replace(stages=(PRETRAIN,)))
    _assert_same(_train(tmp_path / "b", recipe), pretrained)


def test_the_rate_falls_at_each_milestone(tmp_path):
    """With the rate cut to nothing at epoch 1, further epochs leave the parameters where they were."""
    stage = dataclasses.replace(BINARY, epochs=1, milestones=())
    one = _train(tmp_path / "a", Recipe(stages=(stage,), batch_size=8, seed=0))
    cut = dataclasses.replace(stage, epochs=2, milestones=(0.5,) * 30)
    two = _train(tmp_path / "b", Recipe(stages=(cut,), batch_size=8, seed=0))
    for (name, parameter), other in zip(one.named_parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(parameter, other, msg=name)


def test_an_averaged_stage_ends_with_other_parameters_and_the_same_buffers(tmp_path):
    stage = RECIPE.replace(stages=(BINARY,))
    plain = _train(tmp_path / "a", stage)
    averaged = _train(tmp_path / "b", stage.replace(average_decay=0.99))
    assert not torch.equal(averaged.classifier.weight, plain.classifier.weight)
    for (name, buffer), other in zip(plain.named_buffers(), averaged.buffers(), strict=True):
        assert torch.equal(buffer, other), name


def test_given_parameters_replace_drawn_ones(tmp_path):
    weight = torch.full((2, 8), 0.25)
    stage = dataclasses.replace(BINARY, epochs=0)
    recipe = RECIPE.replace(stages=(stage,))
    model = _train(tmp_path / "state", recipe, initial={"classifier.weight": weight})
    assert torch.equal(model.classifier.weight, weight)
    drawn = _train(tmp_path / "state", recipe)
    assert torch.equal(model.stem[0].weight, drawn.stem[0].weight)


def test_resuming_without_a_state_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="no file"):
        _train(tmp_path / "none", resume=True)


@pytest.mark.parametrize(
    ("recipe", "config", "initial", "complaint"),
    [
        (RECIPE.replace(seed=9), CONFIG, None, r"recipe: seed: 3 then, 9 now"),
        (RECIPE, CONFIG.replace(bases=3), None, r"network: bases: 2 then, 3 now"),
        (RECIPE, CONFIG, {"classifier.bias": torch.ones(2)}, "initial"),
    ],
)
def test_resuming_another_run_is_refused(tmp_path, recipe, config, initial, complaint):
    with pytest.raises(KeyboardInterrupt):
        _train(tmp_path / "state", listener=_Listener(limit=1))
    with pytest.raises(TrainingError, match="settings it was started with") as error:
        _train(tmp_path / "state", recipe, config, initial=initial, resume=True)
    assert complaint in str(error.value)


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


def test_mixed_precision_needs_cuda(tmp_path):
    with pytest.raises(TrainingError, match="CUDA device for mixed precision; got cpu"):
        _train(tmp_path / "state", RECIPE.replace(mixed_precision=True))


def test_a_folder_that_cannot_be_written_stops_the_first_epoch(tmp_path):
    with pytest.raises(ModelsError, match="expected to write"):
        _train(tmp_path / "none" / "state")


def test_an_interrupted_run_holds_a_network_that_loads(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        _train(tmp_path / "state", listener=_Listener(limit=3))
    state = torch.load(tmp_path / "state", weights_only=True)
    GroupNet(CONFIG).load_state_dict(state["model"])
    assert (state["stage"], state["epochs_done"]) == (1, 1)
