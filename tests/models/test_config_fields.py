"""The plain form of descriptions: through JSON and back, nested, without defaults, and what is refused."""

import dataclasses
import json

import pytest

from models.config import GroupNetConfig
from models.config_fields import check_positive, from_plain, replace_fields, to_plain
from models.detection.config import DetectionConfig
from models.errors import ConfigError, UnknownNameError
from models.networks import config_from_dict, make_network
from models.segmentation.config import SegmentationConfig

BACKBONE = GroupNetConfig(
    depths=(1, 2), width=8, bases=2, num_classes=4, in_channels=3, input_size=16, stem="small"
)
CONFIGS = [
    BACKBONE,
    BACKBONE.replace(strides=(1, 1), rates=((1,), (2, 3)), gate="base", precision="tanh"),
    SegmentationConfig(backbone=BACKBONE.replace(rates=((2,), (3,))), head="deeplabv3", aspp_rates=(2, 3)),
    DetectionConfig(backbone=BACKBONE, detector="fcos", pyramid_channels=16, extra_levels=0),
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.task)
def test_json_gives_back_an_equal_description(config):
    plain = json.loads(json.dumps(config.to_dict()))
    assert plain == config.to_dict()
    assert config_from_dict(config.task, plain) == config


def test_defaults_are_left_out_so_that_old_files_keep_their_form():
    assert to_plain(BACKBONE) == {
        "depths": [1, 2],
        "width": 8,
        "bases": 2,
        "num_classes": 4,
        "in_channels": 3,
        "input_size": 16,
        "stem": "small",
    }
    assert "aspp_rates" not in SegmentationConfig(backbone=BACKBONE, head="fcn32s").to_dict()


def test_optional_values_are_values_or_none():
    @dataclasses.dataclass(frozen=True)
    class Optional:
        backbone: GroupNetConfig | None
        rates: tuple[int, ...] | None = None

    for value in (Optional(None), Optional(BACKBONE, (1, 2))):
        assert from_plain(Optional, to_plain(value)) == value


@pytest.mark.parametrize("value", [0, -1, 1.0, True, None, "1"])
def test_only_positive_integers_are_positive(value):
    with pytest.raises(ConfigError, match="expected width as a positive integer"):
        check_positive("width", value)


def test_a_nested_value_of_another_kind_is_refused():
    values = CONFIGS[2].to_dict()
    with pytest.raises(ConfigError, match="fields of a GroupNetConfig"):
        config_from_dict("segmentation", values | {"backbone": [1]})
    with pytest.raises(ConfigError, match="aspp_rates as a list"):
        config_from_dict("segmentation", values | {"aspp_rates": 3})
    with pytest.raises(ConfigError, match="rates as a list"):
        config_from_dict("classification", BACKBONE.to_dict() | {"rates": [1, 2]})


@dataclasses.dataclass(frozen=True)
class _Kinds:
    count: int = 1
    rate: float = 0.5
    flip: bool = True
    name: str = "a"


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"count": 1.0}, "count as an integer; got 1.0"),
        ({"count": True}, "count as an integer"),
        ({"rate": "fast"}, "rate as a number; got 'fast'"),
        ({"rate": False}, "rate as a number"),
        ({"flip": "yes"}, "flip as true or false; got 'yes'"),
        ({"flip": 1}, "flip as true or false"),
        ({"name": 3}, "name as text; got 3"),
    ],
)
def test_a_value_of_another_type_is_refused(values, complaint):
    with pytest.raises(ConfigError, match=complaint):
        from_plain(_Kinds, values)


def test_an_integer_is_a_number():
    assert from_plain(_Kinds, {"rate": 2, "count": 3, "flip": False, "name": "b"}) == _Kinds(3, 2, False, "b")


def test_an_unknown_task_and_an_unknown_description_are_refused():
    with pytest.raises(ConfigError, match=r"task in classification, .*; got 'captioning'"):
        config_from_dict("captioning", {})
    with pytest.raises(ConfigError, match="description of a Group-Net; got a dict"):
        make_network({})


def test_overrides_reach_the_backbone_and_only_known_fields():
    config = CONFIGS[2].replace(head="dilated", bases=2, gate="none", input_size=32)
    assert (config.head, config.backbone.gate, config.input_size, config.bases) == ("dilated", "none", 32, 2)
    with pytest.raises(UnknownNameError, match=r"option of a segmentation network.*did you mean head"):
        config.replace(heads="dilated")
    with pytest.raises(ConfigError, match=r"backbone's fields by their own names; got \{'width': 8\}"):
        config.replace(backbone={"width": 8})
    with pytest.raises(UnknownNameError, match="kind of field"):
        replace_fields(BACKBONE, "kind of field", {"colour": 1})
