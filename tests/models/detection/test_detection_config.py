"""Descriptions of detectors: what they refuse, and that their plain form comes back."""

import pytest

from models.errors import ConfigError
from models.networks import config_from_dict
from models.registry import config_of

COCO = config_of("groupnet_resnet18_fcos")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"detector": "ssd"}, "expected detector in fcos, retinanet"),
        ({"pyramid_channels": 0}, "pyramid_channels as a positive integer"),
        ({"tower_depth": 0}, "tower_depth as a positive integer"),
        ({"reach": 0}, "reach as a positive integer"),
        ({"first_stage": 4}, "first_stage from 0 to 3"),
        ({"extra_levels": -1}, "extra_levels as 0 or more"),
        ({"strides": (1, 2, 1, 1)}, "each stage of the pyramid to be coarser"),
    ],
)
def test_what_contradicts_itself_is_refused(overrides, message):
    with pytest.raises(ConfigError, match=message):
        COCO.replace(**overrides)


def test_stages_below_the_pyramid_may_keep_their_size():
    assert COCO.replace(strides=(1, 1, 2, 2)).backbone.strides == (1, 1, 2, 2)


def test_the_plain_form_comes_back():
    config = COCO.replace(detector="retinanet", extra_levels=1, bases=3, num_classes=20)
    assert config_from_dict("detection", config.to_dict()) == config
