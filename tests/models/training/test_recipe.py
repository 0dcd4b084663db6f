"""Recipes: plain forms and back, other lengths, and values that are refused."""

import dataclasses

import pytest

from models.errors import ConfigError
from models.training.recipe import Recipe, Stage, with_epochs

STAGE = Stage(
    precision="binary", optimizer="adam", learning_rate=1e-3, weight_decay=0.0, epochs=4, milestones=(0.5,)
)
RECIPE = Recipe(stages=(dataclasses.replace(STAGE, precision="tanh"), STAGE), batch_size=8, average_decay=0.9)


def test_plain_values_and_back():
    values = RECIPE.to_dict()
    assert values["stages"][1]["milestones"] == [0.5] and "mixed_precision" not in values
    assert Recipe.from_dict(values) == RECIPE


def test_other_lengths():
    longer = with_epochs(RECIPE, pretrain_epochs=2, epochs=9)
    assert [stage.epochs for stage in longer.stages] == [2, 9]
    assert with_epochs(RECIPE, pretrain_epochs=None, epochs=None) == RECIPE
    alone = RECIPE.replace(stages=(STAGE,))
    assert with_epochs(alone, pretrain_epochs=None, epochs=1).stages[0].epochs == 1
    with pytest.raises(ConfigError, match="stage of pre-training"):
        with_epochs(alone, pretrain_epochs=1, epochs=None)


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ({"precision": "ternary"}, "precision in binary"),
        ({"optimizer": "lamb"}, "optimizer in sgd, adam"),
        ({"schedule": "step"}, "schedule in milestones"),
        ({"learning_rate": 0}, "more than 0"),
        ({"learning_rate": "fast"}, "more than 0"),
        ({"weight_decay": -1}, "0 or more"),
        ({"epochs": -1}, "epochs as 0 or more"),
        ({"epochs": 1.5}, "epochs as 0 or more"),
        ({"warmup_steps": -1}, "warmup_steps"),
        ({"milestones": [0.5]}, "milestones as a tuple"),
        ({"milestones": ("half",)}, "each of milestones"),
        ({"schedule": "poly"}, "milestones with schedule"),
    ],
)
def test_stages_that_make_no_sense_are_refused(override, complaint):
    with pytest.raises(ConfigError, match=complaint):
        dataclasses.replace(STAGE, **override)


@pytest.mark.parametrize(
    ("override", "complaint"),
    [
        ({"stages": ()}, "at least one stage"),
        ({"batch_size": 0}, "batch_size"),
        ({"head_rate": 0}, "head_rate"),
        ({"average_decay": 1.0}, "average_decay below 1"),
        ({"label_smoothing": -0.1}, "label_smoothing"),
        ({"seed": -1}, "seed from 0"),
        ({"seed": 1 << 63}, "seed from 0"),
        ({"seed": 0.5}, "seed from 0"),
    ],
)
def test_recipes_that_make_no_sense_are_refused(override, complaint):
    with pytest.raises(ConfigError, match=complaint):
        RECIPE.replace(**override)
