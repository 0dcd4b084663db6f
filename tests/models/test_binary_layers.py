"""`BinaryConv2d` in each precision: values and gradients against the formulas, export, degenerate weights."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from models.deploy import deploy
from models.layers import BinaryConv2d


def _conv(precision="binary", **options):
    torch.manual_seed(0)
    return BinaryConv2d(3, 4, 3, precision=precision, **options)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("pad_value", [1, -1])
def test_binary_is_the_scaled_convolution_of_padded_signs(training, pad_value):
    conv = _conv(stride=2, pad_value=pad_value).train(training)
    x = torch.randn(2, 3, 7, 7)
    signs = F.pad(torch.where(x >= 0, 1.0, -1.0), (1, 1, 1, 1), value=pad_value)
    taps = torch.where(conv.weight >= 0, 1.0, -1.0) * conv.weight.abs().mean()
    torch.testing.assert_close(conv(x), F.conv2d(signs, taps, stride=2))


def test_the_latent_weight_gets_the_gradient_of_the_scaled_sign():
    """DL/dW = dL/dWb with Wb = alpha sign(W): neither scaled by alpha nor derived through it."""
    conv = _conv()
    x = torch.randn(2, 3, 5, 5)
    upstream = torch.randn(2, 4, 5, 5)
    conv(x).backward(upstream)
    scaled = (torch.where(conv.weight >= 0, 1.0, -1.0) * conv.weight.abs().mean()).detach().requires_grad_()
    signs = F.pad(torch.where(x >= 0, 1.0, -1.0), (1, 1, 1, 1), value=1.0)
    F.conv2d(signs, scaled).backward(upstream)
    torch.testing.assert_close(conv.weight.grad, scaled.grad)


def test_the_input_gets_the_scaled_weights_and_the_polynomial():
    conv = _conv()
    x = (torch.randn(1, 3, 5, 5) * 0.8).requires_grad_()
    upstream = torch.randn(1, 4, 5, 5)
    conv(x).backward(upstream)
    signs = torch.where(x.detach() >= 0, 1.0, -1.0).requires_grad_()
    taps = (torch.where(conv.weight >= 0, 1.0, -1.0) * conv.weight.abs().mean()).detach()
    F.conv2d(F.pad(signs, (1, 1, 1, 1), value=1.0), taps).backward(upstream)
    slope = (2 - 2 * x.detach().abs()).clamp_min(0)
    torch.testing.assert_close(x.grad, signs.grad * slope)


@pytest.mark.parametrize("pad_value", [1, -1])
def test_tanh_keeps_float_weights_and_the_border_of_the_binary_net(pad_value):
    conv = _conv("tanh", pad_value=pad_value)
    x = torch.randn(2, 3, 5, 5)
    expected = F.conv2d(F.pad(x.tanh(), (1, 1, 1, 1), value=pad_value), conv.weight)
    torch.testing.assert_close(conv(x), expected)


def test_float_is_a_plain_convolution_with_a_border_of_zeros():
    conv = _conv("float", stride=2)
    x = torch.randn(2, 3, 6, 6)
    torch.testing.assert_close(conv(x), F.conv2d(x, conv.weight, stride=2, padding=1))


def test_a_scale_for_each_channel():
    conv = _conv(scale="channel")
    x = torch.randn(2, 3, 5, 5)
    scales = conv.weight.detach().abs().mean((1, 2, 3), keepdim=True)
    scaled = (torch.where(conv.weight >= 0, 1.0, -1.0) * scales).detach().requires_grad_()
    signs = F.pad(torch.where(x >= 0, 1.0, -1.0), (1, 1, 1, 1), value=1.0)
    expected = F.conv2d(signs, scaled)
    torch.testing.assert_close(conv(x), expected)
    upstream = torch.randn(2, 4, 5, 5)
    conv(x).backward(upstream)
    expected.backward(upstream)
    torch.testing.assert_close(conv.weight.grad, scaled.grad)
    deployed = deploy(nn.Sequential(conv))
    assert deployed[0].alpha.shape == (4, 1, 1)
    assert torch.equal(deployed(x), conv.eval()(x))


def test_weights_of_zero_give_zero_and_finite_gradients():
    conv = _conv()
    torch.nn.init.zeros_(conv.weight)
    y = conv(torch.randn(1, 3, 4, 4))
    y.sum().backward()
    assert not y.any() and conv.weight.grad.isfinite().all()


def test_the_latent_form_exports_one_node_and_the_same_numbers():
    conv = _conv().eval()
    x = torch.randn(1, 3, 6, 6)
    exported = torch.export.export(conv, (x,))
    targets = [str(node.target) for node in exported.graph.nodes if node.op == "call_function"]
    assert targets.count("groupnet.binary_conv2d.default") == 1
    assert "aten.div.Tensor" not in targets
    assert torch.equal(exported.module()(x), conv(x))


def test_repr_names_shape_border_and_precision():
    assert "3, 4, kernel_size=3, stride=1, dilation=1, pad_value=-1, precision=binary, scale=tensor" in repr(
        _conv(pad_value=-1)
    )
