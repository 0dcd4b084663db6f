"""Configurations that must be refused, and those that come back from their dictionaries."""

import pytest

from models.config import GroupNetConfig
from models.errors import ConfigError, UnknownNameError


@pytest.fixture
def config():
    return GroupNetConfig(
        depths=(1, 2), width=8, bases=2, num_classes=4, in_channels=3, input_size=16, stem="small"
    )


@pytest.mark.parametrize(
    ("overrides", "complaint"),
    [
        ({"bases": 0}, "bases"),
        ({"bases": True}, "bases"),
        ({"width": -8}, "width"),
        ({"num_classes": 2.0}, "num_classes"),
        ({"in_channels": 0}, "in_channels"),
        ({"depths": ()}, "depths"),
        ({"depths": [1, 2]}, "depths"),
        ({"depths": (1, 0)}, "depths"),
        ({"pad_value": 0}, "pad_value"),
        ({"fusion": "max"}, "fusion"),
        ({"gate": "channel"}, "gate"),
        ({"group": "three_blocks"}, "group"),
        ({"downsample": "stride"}, "downsample in binary, float, pool"),
        ({"stem": "large"}, "stem"),
        ({"precision": "int8"}, "precision"),
        ({"input_size": 1}, "at least 2 pixels"),
        ({"stem": "imagenet", "input_size": 7}, "at least 8 pixels"),
        ({"strides": (1,)}, "strides for each of 2 stages"),
        ({"strides": (1, 0)}, "each of strides"),
        ({"strides": [1, 2]}, "strides for each"),
        ({"rates": ((1,),)}, "rates for each of 2 stages"),
        ({"rates": ((1,), (1, 2, 3))}, "one rate for all bases of a stage, or 2"),
        ({"rates": ((1,), 2)}, "one rate for all bases"),
        ({"rates": ((1,), (0,))}, "each of rates"),
        ({"rates": ((1,), (1, 2)), "group": "layer", "gate": "none"}, "one rate a stage with group 'layer'"),
        ({"bases": 3, "rates": ((1,), (1, 2))}, "or 3"),
        ({"strides": (4, 5)}, "at least 20 pixels"),
        ({"block": "preactivated"}, "block in basic, bottleneck, bireal, xnor"),
        ({"activation_bits": 0}, "activation_bits from 1 to 4"),
        ({"activation_bits": 5}, "activation_bits from 1 to 4"),
        ({"activation_bits": True}, "activation_bits from 1 to 4"),
        ({"activation_bits": 2, "pad_value": -1}, "no pad_value"),
        ({"activation_bits": 2, "block": "xnor"}, "1 bit in a xnor block"),
        ({"group": "layer"}, "gate 'none'"),
        ({"group": "net", "gate": "base"}, "gate 'none'"),
    ],
)
def test_values_out_of_range_and_contradictions_are_refused(config, overrides, complaint):
    with pytest.raises(ConfigError, match=complaint):
        config.replace(**overrides)


def test_an_unknown_override_names_the_closest_field(config):
    with pytest.raises(UnknownNameError, match="did you mean downsample"):
        config.replace(downsampling="float")


def test_widths_and_stride_follow_the_stages(config):
    assert config.widths == (8, 16) and config.total_stride == 2
    assert config.replace(stem="imagenet").total_stride == 8
    assert config.replace(block="bottleneck").widths == (32, 64)
    assert config.replace(strides=(2, 3)).total_stride == 6


def test_one_rate_holds_for_all_bases(config):
    assert [config.stage_rates(stage) for stage in (0, 1)] == [(1, 1), (1, 1)]
    dilated = config.replace(rates=((2,), (3, 4)))
    assert [dilated.stage_rates(stage) for stage in (0, 1)] == [(2, 2), (3, 4)]


def test_a_dictionary_comes_back_as_it_was(config):
    assert GroupNetConfig.from_dict(config.to_dict()) == config


def test_a_dictionary_with_a_missing_or_unknown_field_is_refused(config):
    values = config.to_dict()
    with pytest.raises(ConfigError, match=r"missing \['width'\]"):
        GroupNetConfig.from_dict({key: value for key, value in values.items() if key != "width"})
    with pytest.raises(ConfigError, match=r"unknown \['colour'\]"):
        GroupNetConfig.from_dict(values | {"colour": 1})
    with pytest.raises(ConfigError, match="depths"):
        GroupNetConfig.from_dict(values | {"depths": 2})
