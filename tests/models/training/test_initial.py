"""Parameters from checkpoints: the network computes the same, a classifier's backbone fits a segmenter."""

import dataclasses

import pytest
import torch

from models.checkpoint import load_checkpoint, save_checkpoint
from models.config import GroupNetConfig
from models.errors import CheckpointError, TrainingError
from models.metadata import ModelMeta, Preprocessing
from models.networks import make_network
from models.segmentation.config import SegmentationConfig
from models.training.initial import initial_state

CONFIG = GroupNetConfig(
    depths=(1, 1), width=4, bases=2, num_classes=3, in_channels=3, input_size=16, stem="small"
)


def _checkpoint(path, config=CONFIG):
    torch.manual_seed(0)
    model = make_network(config)
    model(torch.randn(4, 3, 16, 16))  # moves batch norm's running statistics
    meta = ModelMeta(
        architecture="test",
        config=config,
        task=config.task,
        labels=tuple(map(str, range(config.num_classes))),
        preprocessing=Preprocessing(16, 3, (0.5,) * 3, (0.5,) * 3),
        training_command="",
        seed=0,
        metrics={},
    )
    save_checkpoint(path, model, meta)
    return path


def test_the_network_computes_what_the_checkpoint_does(tmp_path):
    path = _checkpoint(tmp_path / "a.pt")
    model = make_network(CONFIG)
    state = initial_state(CONFIG, path)
    # Batch norm counts batches, which a checkpoint does not keep and nothing uses.
    assert {name for name in model.state_dict() if name not in state} <= {
        name for name in model.state_dict() if name.endswith("num_batches_tracked")
    }
    model.load_state_dict(model.state_dict() | state)
    images = torch.randn(2, 3, 16, 16)
    expected = load_checkpoint(path).model(images)
    torch.testing.assert_close(model.eval()(images), expected, rtol=1e-5, atol=1e-6)


def test_a_classifiers_backbone_fits_a_segmenter_with_other_rates(tmp_path):
    backbone = CONFIG.replace(num_classes=5, strides=(1, 1), rates=((1,), (2, 3)))
    config = SegmentationConfig(backbone=backbone, head="dilated")
    state = initial_state(config, _checkpoint(tmp_path / "a.pt"))
    expected = {name for name in make_network(config).state_dict() if name.startswith("backbone.")}
    assert set(state) == expected


def test_a_head_of_other_classes_is_left_to_the_seed(tmp_path):
    config = CONFIG.replace(num_classes=7)
    state = initial_state(config, _checkpoint(tmp_path / "a.pt"))
    assert "classifier.weight" not in state and "stem.0.weight" in state


@pytest.mark.parametrize("override", [{"bases": 3}, {"width": 8}, {"depths": (2, 1)}])
def test_another_backbone_is_refused(tmp_path, override):
    with pytest.raises(TrainingError, match="same depths, width and bases"):
        initial_state(dataclasses.replace(CONFIG, **override), _checkpoint(tmp_path / "a.pt"))


def test_no_checkpoint_is_refused(tmp_path):
    with pytest.raises(CheckpointError):
        initial_state(CONFIG, tmp_path / "none.pt")
