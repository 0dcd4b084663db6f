"""Descriptions of segmentation networks: what they refuse, and how they change with the number of bases."""

import pytest

from models.errors import ConfigError, UnknownNameError
from models.networks import config_from_dict
from models.registry import config_of
from models.segmentation.config import SegmentationConfig

VOC = config_of("groupnet_resnet18_bpac")


def test_heads_read_the_last_stages_coarsest_first():
    stages = {
        head: VOC.replace(head=head).head_stages
        for head in ("fcn32s", "fcn16s", "fcn8s", "dilated", "deeplabv3")
    }
    assert stages == {
        "fcn32s": (3,),
        "fcn16s": (3, 2),
        "fcn8s": (3, 2, 1),
        "dilated": (3,),
        "deeplabv3": (3,),
    }


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"head": "fcn64s"}, "expected head in fcn32s"),
        ({"aspp_rates": ()}, "aspp_rates as a tuple"),
        ({"aspp_rates": (6, 0)}, "each of aspp_rates as a positive integer"),
        ({"head": "fcn8s", "depths": (1, 1), "strides": (1, 2), "rates": ()}, "at least 3 stages"),
        ({"bases": 0}, "expected bases as a positive integer"),
    ],
)
def test_what_contradicts_itself_is_refused(overrides, message):
    with pytest.raises(ConfigError, match=message):
        VOC.replace(**overrides)


def test_an_unknown_option_is_named():
    with pytest.raises(UnknownNameError, match="segmentation network"):
        VOC.replace(rate=3)


def test_parallel_rates_follow_the_number_of_bases():
    assert VOC.replace(bases=3).backbone.rates == ((1,), (1,), (2, 3, 4), (4, 5, 6))
    assert VOC.replace(bases=1).backbone.rates == ((1,), (1,), (2,), (2,))
    given = ((1,), (1,), (2,), (4,))
    assert VOC.replace(bases=3, rates=given).backbone.rates == given
    # One rate for all bases does not depend on their number.
    assert VOC.replace(rates=given).replace(bases=3).backbone.rates == given


def test_the_plain_form_comes_back():
    config = VOC.replace(head="deeplabv3", aspp_rates=(2, 3), bases=3, precision="tanh")
    plain = config.to_dict()
    assert config_from_dict("segmentation", plain) == config
    assert isinstance(plain["backbone"]["rates"][2], list)
    assert isinstance(config, SegmentationConfig)
