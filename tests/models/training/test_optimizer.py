"""Which parameters learn at which rate."""

import pytest
import torch
from torch import nn

from models.training.optimizer import make_optimizer, set_rate
from models.training.recipe import Stage


def _stage(optimizer):
    return Stage(precision="binary", optimizer=optimizer, learning_rate=0.1, weight_decay=0.5, epochs=1)


@pytest.fixture
def model():
    return nn.ModuleDict({"backbone": nn.Linear(2, 2), "head": nn.Linear(2, 1, bias=False)})


@pytest.mark.parametrize(("optimizer", "kind"), [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam)])
def test_the_head_learns_at_a_multiple_of_the_backbones_rate(model, optimizer, kind):
    made = make_optimizer(model, _stage(optimizer), head_rate=10)
    assert type(made) is kind
    set_rate(made, 0.01)
    rates = {id(p): group["lr"] for group in made.param_groups for p in group["params"]}
    assert rates[id(model["backbone"].bias)] == 0.01
    assert rates[id(model["head"].weight)] == pytest.approx(0.1)
    assert {group["weight_decay"] for group in made.param_groups} == {0.5}
    assert len(rates) == 3


def test_one_rate_for_all_makes_one_group(model):
    (group,) = make_optimizer(model, _stage("adam"), head_rate=1).param_groups
    assert len(group["params"]) == 3


def test_a_network_without_a_head_of_its_own_is_all_head(model):
    """A classifier's parameters are not below `backbone`; its recipes leave the factor at 1."""
    (group,) = make_optimizer(model["backbone"], _stage("adam"), head_rate=10).param_groups
    assert group["rate_factor"] == 10
