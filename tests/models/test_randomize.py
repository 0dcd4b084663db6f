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


def test_only_norms_and_gates_change_and_the_mode_stays():
    net = build("groupnet_digits", bases=2, depths=(1, 1), width=8).train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    randomize(net, 0)
    assert net.training and not any(module._forward_pre_hooks for module in net.modules())
    changed = {name for name, tensor in net.state_dict().items() if not torch.equal(tensor, before[name])}
    norms = {name for name, module in net.named_modules() if isinstance(module, nn.BatchNorm2d)}
    kinds = ("weight", "bias", "running_mean", "running_var")
    assert changed == {f"{norm}.{kind}" for norm in norms for kind in kinds} | {"groups.1.gate.theta"}


@torch.no_grad()
def test_statistics_are_those_of_what_a_norm_sees():
    net = _net().eval()
    seen = {}
    for name, module in net.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_pre_hook(lambda _m, inputs, name=name: seen.setdefault(name, inputs[0]))
    net(torch.randn(8, 1, 32, 32, generator=torch.Generator().manual_seed(0)))
    for name, x in seen.items():
        norm = net.get_submodule(name)
        assert 0.5 < float(norm.running_var.mean() / x.var()) < 2, name
        assert float((norm.running_mean.mean() - x.mean()).abs() / x.std()) < 0.5, name


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"group": "layer", "gate": "none"},
        {"group": "layer", "gate": "none", "fusion": "learned"},
        {"downsample": "float"},
        {"precision": "float"},
        {"group": "net", "gate": "none"},
        {"stem": "small", "rates": ((1,), (2, 3))},
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
