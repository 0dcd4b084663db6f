"""Random states: reproducible, different in every channel, and with signs that stay balanced."""

import pytest
import torch
from torch import nn

from models.randomize import randomize
from models.registry import build


def _net(seed=0, **overrides):
    net = build("groupnet_digits", bases=2, depths=(2, 2), width=8, **overrides)
    randomize(net, seed)
    return net


def test_the_seed_decides_everything():
    states = [_net(seed).state_dict() for seed in (1, 1, 2)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(states[0]["groups.1.gate.theta"], states[2]["groups.1.gate.theta"])


def test_no_batch_norm_is_trivial_and_some_gammas_are_negative():
    gammas = []
    for module in _net().modules():
        if isinstance(module, nn.BatchNorm2d):
            for values in (module.weight, module.bias, module.running_mean, module.running_var):
                assert values.unique().numel() == module.num_features
            assert (module.running_var > 0).all()
            gammas.append(module.weight)
    negative = (torch.cat(gammas) < 0).float().mean()
    assert 0.1 < negative < 0.4


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"group": "layer", "gate": "none"},
        {"group": "layer", "gate": "none", "fusion": "learned"},
        {"downsample": "float"},
        {"precision": "float"},
    ],
)
def test_signs_stay_balanced_to_the_last_group(overrides):
    net = _net(**overrides).eval()
    seen = []
    for group in net.groups:
        group.register_forward_hook(lambda _module, _inputs, result: seen.append(result[1]))
    net(torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0)))
    for fused in seen:
        assert 0.2 < (fused >= 0).float().mean() < 0.8
        assert 0.1 < fused.std() < 20
