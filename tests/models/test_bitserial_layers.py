"""`BitserialConv2d` in each precision, latent and deployed, and both of its gradients."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from models.bitserial_layers import BitserialConv2d, SignBitserialConv2d
from models.complexity import complexity
from models.deploy import deploy


def _conv(**options):
    torch.manual_seed(0)
    return BitserialConv2d(3, 4, 3, **options)


def _quantised(x, bits):
    top = 2**bits - 1
    return torch.round(top * x.clamp(0, 1)) / top


def _activations():
    return torch.rand(2, 3, 7, 7, generator=torch.Generator().manual_seed(1)) * 1.6 - 0.3


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("straight_through", ["clipped", "identity"])
@pytest.mark.parametrize("bits", [1, 2, 4])
def test_binary_is_the_scaled_convolution_of_quantised_values(training, straight_through, bits):
    conv = _conv(activation_bits=bits, stride=2, dilation=2, straight_through=straight_through)
    taps = torch.where(conv.weight >= 0, 1.0, -1.0) * conv.weight.abs().mean()
    expected = F.conv2d(_quantised(_activations(), bits), taps, stride=2, padding=2, dilation=2)
    torch.testing.assert_close(conv.train(training)(_activations()), expected)


@pytest.mark.parametrize("straight_through", ["clipped", "identity"])
@pytest.mark.parametrize("precision", ["binary", "tanh"])
@pytest.mark.parametrize("bits", [1, 4])
def test_gradients_follow_the_chosen_rule(straight_through, precision, bits):
    conv = _conv(activation_bits=bits, straight_through=straight_through, precision=precision)
    x = _activations().requires_grad_()
    upstream = torch.randn(2, 4, 7, 7)
    conv(x).backward(upstream)
    if precision == "binary":
        value = _quantised(x.detach(), bits).requires_grad_()
        taps = (torch.where(conv.weight >= 0, 1.0, -1.0) * conv.weight.abs().mean()).detach().requires_grad_()
    else:
        value, taps = x.detach().clamp(0, 1).requires_grad_(), conv.weight.detach().clone().requires_grad_()
    F.conv2d(value, taps, padding=1).backward(upstream)
    inside = (x.detach() >= 0) & (x.detach() <= 1)
    passes = inside if straight_through == "clipped" else torch.ones_like(inside)
    torch.testing.assert_close(x.grad, value.grad * passes, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(conv.weight.grad, taps.grad, rtol=1e-4, atol=1e-5)


def test_float_is_a_plain_convolution():
    conv = _conv(precision="float", dilation=2)
    x = torch.randn(1, 3, 6, 6)
    torch.testing.assert_close(conv(x), F.conv2d(x, conv.weight, padding=2, dilation=2))


@pytest.mark.parametrize("bits", [1, 2])
def test_the_deployed_form_computes_the_same_bits_and_exports_two_nodes(bits):
    net = nn.Sequential(_conv(activation_bits=bits, straight_through="identity")).eval()
    deployed = deploy(net)
    assert isinstance(deployed[0], SignBitserialConv2d) and not list(deployed.parameters())
    assert deployed[0].weight.abs().eq(1).all() and deployed[0].scale.shape == ()
    assert torch.equal(deployed(_activations()), net(_activations()))
    exported = torch.export.export(deployed, (_activations(),))
    calls = [str(node.target) for node in exported.graph.nodes if node.op == "call_function"]
    assert calls == ["groupnet.bitserial_conv2d.default", "aten.mul.Tensor"]


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_a_product_of_k_bits_counts_as_k_binary_ones(bits):
    net = nn.Sequential(_conv(activation_bits=bits))
    for form in (net, deploy(net)):
        counts = complexity(form, (3, 5, 5))
        assert counts.binary_macs == bits * 4 * 27 * 25 and counts.float_macs == 0
        assert (counts.binary_weights, counts.float_parameters) == (4 * 27, 0)
    twin = complexity(nn.Sequential(_conv(activation_bits=bits, precision="float")), (3, 5, 5))
    assert (twin.binary_macs, twin.float_macs) == (0, 4 * 27 * 25)


def test_repr_names_bits_and_gradient():
    assert "activation_bits=2, straight_through=clipped" in repr(_conv(activation_bits=2))
