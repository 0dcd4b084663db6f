"""The backbone's maps by stage, and its strides and dilation, against convolutions written out."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from models.backbone import Backbone, require_stages
from models.config import GroupNetConfig
from models.errors import ConfigError
from models.group_net import GroupNet
from models.layers import BinaryConv2d

SMALL = GroupNetConfig(
    depths=(1, 2, 1), width=4, bases=2, num_classes=3, in_channels=3, input_size=19, stem="small"
)
IMAGE = torch.randn(2, 3, 19, 19, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("stem", ["small", "imagenet"])
@pytest.mark.parametrize("strides", [(), (1, 2, 1), (2, 1, 2)])
def test_maps_have_the_channels_and_strides_that_are_said(strides, stem):
    backbone = Backbone(SMALL.replace(strides=strides, stem=stem)).eval()
    maps = backbone.features(IMAGE)
    assert sorted(maps) == [0, 1, 2]
    # Each division by a stride rounds up, and ceilings of ceilings are one ceiling.
    for stage, fused in maps.items():
        size = -(-19 // backbone.strides[stage])
        assert fused.shape == (2, backbone.channels[stage], size, size)
    assert backbone.strides[-1] == backbone.config.total_stride


def test_the_last_map_is_what_the_classifier_reads():
    net = GroupNet(SMALL).eval()
    logits = net.classifier(net.features(IMAGE)[2].mean((2, 3)))
    torch.testing.assert_close(logits, net(IMAGE))


@pytest.mark.parametrize(
    ("overrides", "stages"),
    [
        ({"group": "layer", "gate": "none"}, [0, 1, 2]),
        ({"group": "two_blocks"}, [2]),
        ({"group": "two_blocks", "depths": (2, 2, 4)}, [0, 1, 2]),
        ({"group": "net", "gate": "none"}, [2]),
    ],
)
def test_only_stages_that_end_with_a_group_have_maps(overrides, stages):
    config = SMALL.replace(**overrides)
    assert sorted(Backbone(config).eval().features(IMAGE)) == stages
    if stages == [0, 1, 2]:
        require_stages(config, range(3))
    else:
        with pytest.raises(ConfigError, match=r"fused map of stages \[1, 2, 3\].*group='block'"):
            require_stages(config, range(3))


@pytest.mark.parametrize("precision", ["binary", "float"])
def test_each_base_has_its_own_rate_padded_by_as_much(precision):
    """Binary parallel atrous convolution; the official loop gives every base the last rate."""
    config = SMALL.replace(rates=((1,), (2,), (3, 5)), strides=(1, 2, 1), gate="none", precision=precision)
    backbone = Backbone(config)
    for group, expected in zip(backbone.groups, [(1, 1), (2, 2), (2, 2), (3, 5)], strict=True):
        for branch, rate in zip(group.blocks[0].branches, expected, strict=True):
            for conv in (branch.conv1, branch.conv2):
                assert (conv.dilation, conv.padding, conv.pad_value) == (rate, rate, 1)
    x = torch.randn(1, 8, 9, 9)
    for branch, rate in zip(backbone.groups[3].blocks[0].branches, (3, 5), strict=True):
        torch.testing.assert_close(branch.conv1(x), _dilated(branch.conv1, x, rate, precision))


def _dilated(conv, x, rate, precision):
    weight = conv.weight.detach()
    if precision == "float":
        return F.conv2d(x, weight, padding=rate, dilation=rate)
    signs = F.pad(torch.where(x >= 0, 1.0, -1.0), (rate,) * 4, value=1.0)
    y = torch.zeros(1, weight.shape[0], 9, 9)
    for row, column in itertools.product(range(3), repeat=2):
        taps = torch.where(weight[:, :, row, column] >= 0, 1.0, -1.0)
        window = signs[:, :, rate * row : rate * row + 9, rate * column : rate * column + 9]
        y += torch.einsum("oc,nchw->nohw", taps, window)
    return y * weight.abs().mean()


def test_rates_of_layers_reach_every_base():
    backbone = Backbone(SMALL.replace(rates=((1,), (2,), (4,)), group="layer", gate="none"))
    rates = [
        {conv.dilation for conv in group.modules() if isinstance(conv, BinaryConv2d) and conv.padding}
        for group in backbone.groups
    ]
    assert rates == [{1}, {2}, {2}, {4}]


def test_equal_rates_cost_no_parameters_and_no_names():
    plain, dilated = GroupNet(SMALL), GroupNet(SMALL.replace(rates=((1,), (2, 3), (4,))))
    assert plain.state_dict().keys() == dilated.state_dict().keys()
    dilated.load_state_dict(plain.state_dict())
