"""Every group size, gate, fusion and shortcut against the papers' recurrence written out on plain tensors."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from models.config import GroupNetConfig
from models.group_net import GroupNet
from models.randomize import randomize

SMALL = GroupNetConfig(
    depths=(1, 2),
    width=5,
    bases=3,
    num_classes=4,
    in_channels=2,
    input_size=6,
    stem="small",
    gate="none",
)


def _net(config):
    torch.manual_seed(0)
    net = GroupNet(config)
    randomize(net, seed=1)
    return net.eval()


class _Recurrence:
    """Group-Net from its state alone: x_k = s y_k + (1 - s) xbar, y_k = G_k(x_k), xbar = sum lambda_k y_k."""

    def __init__(self, net):
        self.config, self.state = net.config, net.state_dict()

    def __call__(self, x):
        config = self.config
        x = F.conv2d(x, self.state["stem.0.weight"], padding=1)
        fused = self.norm(x, "stem.1")
        streams = 1 if config.group == "layer" else config.bases
        outputs = [fused] * streams
        block = 0
        sizes = {"layer": [1] * 3, "block": [1] * 3, "two_blocks": [2, 1], "net": [3]}[config.group]
        for group, size in enumerate(sizes):
            prefix = f"groups.{group}"
            theta = self.state.get(f"{prefix}.gate.theta")
            inputs = [fused] * streams
            if theta is not None:
                gates = torch.sigmoid(theta).expand(streams)
                inputs = [s * y + (1 - s) * fused for s, y in zip(gates, outputs, strict=True)]
            for position in range(size):
                stride = 2 if block == 1 else 1
                inputs = [
                    self.block(y, f"{prefix}.blocks.{position}", k, stride) for k, y in enumerate(inputs)
                ]
                block += 1
            outputs = inputs
            scales = self.scales(f"{prefix}.fusion", streams)
            fused = sum(scale * y for scale, y in zip(scales, outputs, strict=True))
        return F.linear(fused.mean((2, 3)), self.state["classifier.weight"], self.state["classifier.bias"])

    def block(self, x, prefix, base, stride):
        residual, branch = x, f"{prefix}.branches.{base}"
        if stride == 2:
            weight = f"{prefix}.shortcut.0.weight"
            if self.config.downsample == "float":
                residual = F.conv2d(x, self.state[weight], stride=2)
            else:
                residual = self.conv(x, weight, 2)
            residual = self.norm(residual, f"{prefix}.shortcut.1")
        h = self.norm(self.decomposed(x, f"{branch}.conv1", stride).relu(), f"{branch}.bn1") + residual
        return self.norm(self.decomposed(h, f"{branch}.conv2", 1).relu(), f"{branch}.bn2") + h

    def decomposed(self, x, prefix, stride):
        if self.config.group != "layer":
            return self.conv(x, f"{prefix}.weight", stride)
        scales = self.scales(f"{prefix}.fusion", self.config.bases)
        return sum(
            scale * self.conv(x, f"{prefix}.bases.{k}.weight", stride) for k, scale in enumerate(scales)
        )

    def conv(self, x, name, stride):
        weight = self.state[name]
        padding = (weight.shape[2] - 1) // 2
        if self.config.precision == "float":
            return F.conv2d(x, weight, stride=stride, padding=padding)
        bits = self.config.activation_bits
        if bits > 1:
            x, pad_value = x.clamp(0, 1), 0
            if self.config.precision == "binary":
                x = torch.round(x * (2**bits - 1)) / (2**bits - 1)
                weight = torch.where(weight >= 0, 1.0, -1.0) * weight.abs().mean()
        elif self.config.precision == "tanh":
            x, pad_value = x.tanh(), self.config.pad_value
        else:
            x, pad_value = torch.where(x >= 0, 1.0, -1.0), self.config.pad_value
            weight = torch.where(weight >= 0, 1.0, -1.0) * weight.abs().mean()
        return F.conv2d(F.pad(x, (padding,) * 4, value=pad_value), weight, stride=stride)

    def scales(self, prefix, count):
        return self.state.get(f"{prefix}.scale", torch.full((count,), 1 / count))

    def norm(self, x, prefix):
        mean, var, gamma, beta = (
            self.state[f"{prefix}.{name}"] for name in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, var, gamma, beta)


_DECOMPOSITIONS = [
    (group, gate, fusion)
    for group, gate, fusion in itertools.product(
        ("layer", "block", "two_blocks", "net"), ("none", "block", "base"), ("average", "learned")
    )
    if gate == "none" or group in ("block", "two_blocks")
]


def _assert_follows_the_recurrence(config):
    net = _net(config)
    x = torch.randn(2, 2, 6, 6)
    with torch.no_grad():
        torch.testing.assert_close(net(x), _Recurrence(net)(x), rtol=1e-4, atol=1e-4)


# The float twin has no signs, so that rounding cannot flip one and hide (or feign) a difference in structure.
@pytest.mark.parametrize(("group", "gate", "fusion"), _DECOMPOSITIONS)
@pytest.mark.parametrize("precision", ["float", "binary"])
def test_each_decomposition_follows_the_recurrence(group, gate, fusion, precision):
    _assert_follows_the_recurrence(SMALL.replace(group=group, gate=gate, fusion=fusion, precision=precision))


@pytest.mark.parametrize(
    "overrides",
    [
        {"downsample": "float"},
        {"pad_value": -1},
        {"bases": 1},
        {"bases": 1, "gate": "block"},
        {"bases": 1, "gate": "block", "fusion": "learned"},
        {"precision": "tanh"},
        {"precision": "tanh", "pad_value": -1, "downsample": "float"},
        {"activation_bits": 2},
        {"activation_bits": 4, "gate": "base"},
        {"activation_bits": 2, "precision": "tanh"},
        {"activation_bits": 2, "group": "layer"},
    ],
)
def test_each_other_switch_follows_the_recurrence(overrides):
    _assert_follows_the_recurrence(SMALL.replace(**overrides))


def test_only_groups_after_the_first_have_gates():
    net = _net(SMALL.replace(gate="base"))
    assert net.groups[0].gate is None
    assert [group.gate.theta.numel() for group in net.groups[1:]] == [3, 3]
    assert [g.gate is None for g in _net(SMALL.replace(gate="block", group="two_blocks")).groups] == [
        True,
        False,
    ]


def test_a_gate_that_could_only_be_the_identity_is_left_out():
    assert _net(SMALL.replace(gate="block", bases=1)).groups[1].gate is None


def test_branches_hand_on_their_own_output_and_not_the_sum_of_all():
    """The official `model.py` adds all outputs into that of base 0, which the next gate then reads."""
    net = _net(SMALL.replace(gate="block"))
    produced = []
    for branch in net.groups[0].blocks[0].branches:
        branch.register_forward_hook(lambda _module, _inputs, y: produced.append((y, y.clone())))
    read = []
    net.groups[1].gate.register_forward_hook(lambda _module, inputs, _xs: read.extend(inputs[0]))
    net(torch.randn(1, 2, 6, 6))
    assert len(produced) == len(read) == 3
    for (tensor, as_made), as_read in zip(produced, read, strict=True):
        assert as_read is tensor and torch.equal(as_read, as_made)


@pytest.mark.parametrize(("gate", "runs"), [("none", 1), ("block", 3)])
def test_the_shared_shortcut_runs_once_for_one_input(gate, runs):
    net = _net(SMALL.replace(gate=gate))
    calls = []
    net.groups[1].blocks[0].shortcut.register_forward_hook(lambda *_: calls.append(1))
    net(torch.randn(1, 2, 6, 6))
    assert len(calls) == runs


def test_an_ensemble_shares_only_its_stem_shortcut_and_classifier():
    net = _net(SMALL.replace(group="net"))
    assert len(net.groups) == 1 and len(net.groups[0].blocks) == 3
    assert all(len(block.branches) == 3 for block in net.groups[0].blocks)
