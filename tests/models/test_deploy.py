"""The deployed form: the same numbers, no latent weights, and an exported graph of one node a convolution."""

import pytest
import torch

from models.deploy import SignConv2d, deploy
from models.layers import BinaryConv2d
from models.randomize import randomize
from models.registry import build

IMAGE = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))


def _net(**overrides):
    net = build("groupnet_digits", bases=2, depths=(1, 1), width=8, **overrides)
    randomize(net, seed=0)
    return net


@pytest.mark.parametrize("overrides", [{}, {"group": "layer", "gate": "none"}, {"downsample": "float"}])
def test_deploying_changes_no_output_and_not_the_original(overrides):
    net = _net(**overrides)
    deployed = deploy(net)
    assert net.training and any(isinstance(module, BinaryConv2d) for module in net.modules())
    assert not any(isinstance(module, BinaryConv2d) for module in deployed.modules())
    assert not deployed.training and not any(p.requires_grad for p in deployed.parameters())
    assert torch.equal(deployed(IMAGE), net.eval()(IMAGE))


def test_signs_are_plus_and_minus_one_and_the_scale_is_a_buffer():
    for module in deploy(_net()).modules():
        if isinstance(module, SignConv2d):
            assert module.weight.abs().eq(1).all() and module.weight.dtype == torch.float32
            assert module.alpha.shape == () and not list(module.parameters())


@pytest.mark.parametrize("precision", ["tanh", "float"])
def test_other_precisions_keep_their_weights(precision):
    net = _net(precision=precision)
    deployed = deploy(net)
    assert any(isinstance(module, BinaryConv2d) for module in deployed.modules())
    assert torch.equal(deployed(IMAGE), net.eval()(IMAGE))


def test_deploying_twice_changes_nothing():
    once = deploy(_net())
    assert torch.equal(deploy(once)(IMAGE), once(IMAGE))


def test_the_exported_graph_has_one_node_and_one_multiplication_a_call():
    deployed = deploy(_net(gate="none"))
    calls = []
    for module in deployed.modules():
        if isinstance(module, SignConv2d):
            module.register_forward_hook(lambda *_: calls.append(1))
    deployed(IMAGE)
    exported = torch.export.export(deploy(_net(gate="none")), (IMAGE[:1],))
    nodes = [node for node in exported.graph.nodes if str(node.target) == "groupnet.binary_conv2d.default"]
    # Two convolutions a base and block, and the shortcut of the second stage once.
    assert len(nodes) == len(calls) == 2 * 2 * 2 + 1
    for node in nodes:
        (user,) = node.users
        assert str(user.target) == "aten.mul.Tensor"
    torch.testing.assert_close(exported.module()(IMAGE[:1]), deployed(IMAGE[:1]))
