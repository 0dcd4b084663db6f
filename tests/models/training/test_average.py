"""The moving average by hand: the short start, the long run, and going on from a state."""

import pytest
import torch
from torch import nn

from models.training.average import ParameterAverage


def _model(value):
    model = nn.BatchNorm1d(1)
    nn.init.constant_(model.weight, value)
    return model


def test_the_start_is_forgotten_faster_than_the_decay_says():
    average = ParameterAverage(_model(0.0), decay=0.99)
    average.update(model := _model(1.0))
    assert average.state_of(model)["weight"].item() == pytest.approx(0.9)  # d = 1 / 10
    average.update(model)
    assert average.state_of(model)["weight"].item() == pytest.approx(1 - 0.1 * 2 / 11)


def test_a_small_decay_holds_from_the_start():
    average = ParameterAverage(_model(0.0), decay=0.05)
    average.update(model := _model(1.0))
    assert average.state_of(model)["weight"].item() == pytest.approx(0.95)


def test_buffers_are_the_models_own():
    average = ParameterAverage(_model(0.0), decay=0.9)
    model = _model(1.0)
    model.running_mean += 3
    average.update(model)
    assert average.state_of(model)["running_mean"].item() == 3


def test_a_state_goes_on_to_the_same_bits():
    first = ParameterAverage(_model(0.0), decay=0.9)
    first.update(_model(1.0))
    second = ParameterAverage(_model(7.0), decay=0.9)
    second.load_state_dict(first.state_dict())
    for average in (first, second):
        average.update(_model(2.0))
    model = _model(2.0)
    assert torch.equal(first.state_of(model)["weight"], second.state_of(model)["weight"])
