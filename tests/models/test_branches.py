"""Each kind of branch against its formula on plain tensors, and a bottleneck network as a whole."""

import pytest
import torch
import torch.nn.functional as F

from models.branches import BottleneckBranch, ResidualBranch, make_branch
from models.config import GroupNetConfig
from models.deploy import deploy
from models.group_net import GroupNet
from models.randomize import randomize

BASIC = GroupNetConfig(
    depths=(1, 2), width=4, bases=2, num_classes=3, in_channels=3, input_size=10, stem="small"
)
BOTTLENECK = BASIC.replace(block="bottleneck")


def _branch(config, in_channels, out_channels, stride, rate):
    torch.manual_seed(0)
    branch = make_branch(config, in_channels, out_channels, stride, rate).eval()
    for name, buffer in branch.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_()
    return branch


def _inputs(in_channels, out_channels, stride):
    generator = torch.Generator().manual_seed(1)
    size = -(-9 // stride)
    return (
        torch.randn(2, in_channels, 9, 9, generator=generator),
        torch.randn(2, out_channels, size, size, generator=generator),
    )


def _conv(x, conv, stride=1, rate=1):
    """The signs' convolution, scaled; a kernel of one tap has no border."""
    border = rate * (conv.weight.shape[2] // 2)
    signs = F.pad(torch.where(x >= 0, 1.0, -1.0), (border,) * 4, value=1.0)
    taps = torch.where(conv.weight >= 0, 1.0, -1.0) * conv.weight.abs().mean()
    return F.conv2d(signs, taps, stride=stride, dilation=rate)


@pytest.mark.parametrize(("channels", "stride", "rate"), [((5, 5), 1, 1), ((5, 8), 2, 1), ((5, 5), 1, 3)])
def test_two_convolutions_with_a_skip_each(channels, stride, rate):
    branch = _branch(BASIC, *channels, stride, rate)
    assert isinstance(branch, ResidualBranch)
    x, residual = _inputs(*channels, stride)
    h = branch.bn1(_conv(x, branch.conv1, stride, rate).relu()) + residual
    expected = branch.bn2(_conv(h, branch.conv2, 1, rate).relu()) + h
    torch.testing.assert_close(branch(x, residual), expected)


@pytest.mark.parametrize(
    ("channels", "stride", "rate"), [((4, 16), 1, 1), ((16, 32), 2, 1), ((16, 16), 1, 2)]
)
def test_a_bottleneck_skips_where_the_shape_stays(channels, stride, rate):
    branch = _branch(BOTTLENECK, *channels, stride, rate)
    assert isinstance(branch, BottleneckBranch)
    assert [tuple(conv.weight.shape[2:]) for conv in (branch.conv1, branch.conv2, branch.conv3)] == [
        (1, 1),
        (3, 3),
        (1, 1),
    ]
    x, residual = _inputs(*channels, stride)
    h1 = branch.bn1(_conv(x, branch.conv1).relu())
    h2 = branch.bn2(_conv(h1, branch.conv2, stride, rate).relu())
    h2 = h2 + h1 if stride == 1 else h2
    expected = branch.bn3(_conv(h2, branch.conv3).relu()) + residual
    torch.testing.assert_close(branch(x, residual), expected)


def _channel_conv(x, conv, stride, precision):
    if precision == "float":
        return F.conv2d(x.relu(), conv.weight, stride=stride, padding=1)
    if precision == "tanh":
        return F.conv2d(F.pad(x.tanh(), (1,) * 4, value=1.0), conv.weight, stride=stride)
    signs = F.pad(torch.where(x >= 0, 1.0, -1.0), (1,) * 4, value=1.0)
    taps = torch.where(conv.weight >= 0, 1.0, -1.0) * conv.weight.abs().mean((1, 2, 3), keepdim=True)
    return F.conv2d(signs, taps, stride=stride)


@pytest.mark.parametrize("precision", ["binary", "tanh", "float"])
@pytest.mark.parametrize(("channels", "stride"), [((5, 5), 1), ((5, 8), 2)])
@pytest.mark.parametrize("block", ["bireal", "xnor"])
def test_baselines_have_no_nonlinearity_but_signs(block, channels, stride, precision):
    branch = _branch(BASIC.replace(block=block, precision=precision), *channels, stride, 1)
    x, residual = _inputs(*channels, stride)
    if block == "bireal":
        h = branch.bn1(_channel_conv(x, branch.conv1, stride, precision)) + residual
        expected = branch.bn2(_channel_conv(h, branch.conv2, 1, precision)) + h
    else:
        h = _channel_conv(branch.bn1(x), branch.conv1, stride, precision)
        expected = _channel_conv(branch.bn2(h), branch.conv2, 1, precision) + residual
    torch.testing.assert_close(branch(x, residual), expected)


@pytest.mark.parametrize("size", [9, 10])
def test_a_pooled_shortcut_averages_what_there_is(size):
    net = GroupNet(BASIC.replace(downsample="pool", input_size=10)).eval()
    pool, conv, norm = net.groups[1].blocks[0].shortcut
    x = torch.randn(1, 4, size, size)
    ones = F.pad(torch.ones_like(x), (0, size % 2, 0, size % 2))
    sums = F.avg_pool2d(F.pad(x, (0, size % 2, 0, size % 2)), 2) / F.avg_pool2d(ones, 2)
    torch.testing.assert_close(pool(x), sums)
    torch.testing.assert_close(norm(conv(pool(x))), net.groups[1].blocks[0].shortcut(x))
    assert net(torch.randn(1, 3, size, size)).shape == (1, 3)
    assert (conv.stride, conv.bias) == ((1, 1), None)


def test_a_bottleneck_net_has_four_times_the_channels():
    net = GroupNet(BOTTLENECK).eval()
    image = torch.randn(1, 3, 10, 10)
    maps = net.features(image)
    assert [maps[stage].shape[1] for stage in (0, 1)] == [16, 32] == list(net.channels)
    assert net(image).shape == (1, 3)
    # The first block changes the channels though not the size.
    assert net.groups[0].blocks[0].shortcut[0].weight.shape == (16, 4, 1, 1)
    assert net.groups[1].blocks[0].branches[0].conv2.stride == 2


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"block": "bireal", "downsample": "pool"},
        {"block": "xnor", "downsample": "float"},
        {"block": "bireal", "group": "layer", "gate": "none"},
        {"group": "layer", "gate": "none"},
        {"group": "net", "gate": "none"},
        {"precision": "float"},
        {"rates": ((1,), (2, 3)), "downsample": "float"},
        {"activation_bits": 2},
    ],
)
def test_blocks_go_with_every_other_switch(overrides):
    torch.manual_seed(0)
    net = GroupNet(BOTTLENECK.replace(**overrides))
    net.train()(torch.randn(2, 3, 10, 10)).square().sum().backward()
    assert all(parameter.grad is not None for parameter in net.parameters())
    randomize(net, 0)
    image = torch.randn(1, 3, 10, 10)
    deployed = deploy(net)
    assert torch.equal(deployed(image), net.eval()(image))
    exported = torch.export.export(deployed, (image,)).module()
    torch.testing.assert_close(exported(image), deployed(image))
