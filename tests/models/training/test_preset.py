"""Presets: every shipped one is whole, overrides reach each field, and damaged files are refused."""

import dataclasses

import pytest

from models.errors import ConfigError, UnknownNameError
from models.training.preset import Preset, preset_names, preset_of, read_preset


def test_overrides_leave_the_named_preset_as_it_is():
    before = preset_of("shapes_classification").config()
    changed = preset_of("shapes_classification").overridden(["network.width=8", "network.bases=2"])
    assert changed.config() != before
    assert preset_of("shapes_classification").config() == before


@pytest.mark.parametrize("name", preset_names())
def test_shipped_presets_are_whole(name, tmp_path):
    preset = preset_of(name)
    assert preset.recipe.stages[-1].precision == "binary"
    assert preset.config(bases=2).bases == 2
    assert preset.backbone_from in ("", *preset_names())
    path = tmp_path / "again.toml"
    path.write_text(preset.to_toml(), encoding="utf-8")
    assert read_preset(path) == preset


def test_the_digits_keep_the_papers_stages_shortened():
    pretrain, binary = preset_of("digits").recipe.stages
    assert (pretrain.precision, pretrain.optimizer, pretrain.learning_rate) == ("tanh", "sgd", 0.05)
    assert (binary.precision, binary.optimizer, binary.learning_rate) == ("binary", "adam", 5e-4)
    assert pretrain.weight_decay == 1e-4 and binary.weight_decay == 0


def test_overrides_reach_every_level():
    preset = preset_of("digits").overridden(
        ["recipe.batch_size=32", "recipe.stages.1.schedule = 'cosine'", "recipe.stages.1.milestones=[]",
         "network.depths=[2, 1]", "test_split=test"]
    )  # fmt: skip
    assert preset.recipe.batch_size == 32 and preset.test_split == "test"
    assert preset.config().depths == (2, 1)
    assert preset.recipe.stages[1].schedule == "cosine"
    assert preset.recipe.stages[0] == preset_of("digits").recipe.stages[0]
    assert preset_of("digits").recipe.batch_size == 64


@pytest.mark.parametrize(
    ("assignment", "error"),
    [
        ("recipe.batch_size", ConfigError),
        ("recipe.colour=1", ConfigError),
        ("recipe.stages.7.epochs=1", ConfigError),
        ("recipe.stages.1=1", ConfigError),
        ("data.kind=1", ConfigError),
        ("data=tape", ConfigError),
        ("crop_area=0", ConfigError),
        ("evaluate_every=-1", ConfigError),
        ("evaluate_every=often", ConfigError),
        ("flip=3", ConfigError),
        ("network=3", ConfigError),
        ("recipe.mixed_precision=yes", ConfigError),
        ("recipe.seed=-1", ConfigError),
    ],
)
def test_overrides_that_lead_nowhere_are_refused(assignment, error):
    with pytest.raises(error):
        preset_of("digits").overridden([assignment])


def test_a_network_option_that_does_not_exist_is_refused():
    with pytest.raises(UnknownNameError, match="did you mean width"):
        preset_of("digits").overridden(["network.widht=3"]).config()


@pytest.mark.parametrize("text", [None, "description = ", "description = 'x'", "colour = 1"])
def test_files_that_are_no_presets_are_refused(tmp_path, text):
    path = tmp_path / "mine.toml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        read_preset(path)


def test_a_preset_without_overrides_writes_no_empty_tables():
    preset = dataclasses.replace(preset_of("digits"), network=None)
    assert "network" not in preset.to_toml()
    assert isinstance(Preset.from_dict(preset.to_dict()), Preset)
