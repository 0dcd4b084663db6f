"""`bitserial_conv2d` against the kernels' integer reference, its gradient, its node in an exported graph."""

import numpy as np
import pytest
import torch
from torch import nn

from models.bitserial_conv2d import bitserial_conv2d
from models.errors import OperatorError
from tvm_schedules.bitplanes import quantise
from tvm_schedules.bitserial_reference import bitserial_conv2d_reference


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [
        ((3, 3), (1, 1), (1, 1), (1, 1)),
        ((1, 1), (2, 2), (0, 0), (1, 1)),
        ((3, 2), (2, 1), (2, 0), (1, 2)),
        ((3, 3), (1, 1), (3, 3), (3, 3)),
    ],
)
def test_it_equals_the_reference_of_the_kernels_exactly(kernel, stride, padding, dilation, bits):
    rng = np.random.default_rng(0)
    x = rng.uniform(-0.3, 1.3, (2, 5, 7, 6)).astype(np.float32)
    x[0, :, 3, 3] = 0.5
    weight = rng.normal(size=(3, 5, *kernel)).astype(np.float32)
    weight[0, 0] = 0.0
    y = bitserial_conv2d(torch.tensor(x), torch.tensor(weight), stride, padding, dilation, bits)
    expected = bitserial_conv2d_reference(
        quantise(x.transpose(0, 2, 3, 1), bits), np.where(weight >= 0, 1, -1), stride, padding, dilation
    )
    assert y.dtype == torch.float32
    np.testing.assert_array_equal(y.numpy().transpose(0, 2, 3, 1), expected)


def test_the_border_is_level_zero():
    y = bitserial_conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3), [1, 1], [1, 1], [1, 1], 2)
    assert y[0, 0].tolist() == [[12, 18, 12], [18, 27, 18], [12, 18, 12]]


@pytest.mark.parametrize("bits", [1, 2])
def test_gradients_are_clipped_and_the_identity(bits):
    torch.manual_seed(0)
    x = torch.linspace(-0.5, 1.5, 2 * 3 * 5 * 5).reshape(2, 3, 5, 5).requires_grad_()
    weight = torch.randn(4, 3, 3, 3).requires_grad_()
    upstream = torch.randn(2, 4, 3, 3)
    bitserial_conv2d(x, weight, [2, 2], [1, 1], [1, 1], bits).backward(upstream)
    top = 2**bits - 1
    quantised = torch.round(x.detach().clamp(0, 1) * top).requires_grad_()
    taps = torch.where(weight.detach() >= 0, 1.0, -1.0).requires_grad_()
    torch.nn.functional.conv2d(quantised, taps, stride=2, padding=1).backward(upstream)
    inside = (x.detach() >= 0) & (x.detach() <= 1)
    assert 0 < inside.sum() < inside.numel()
    torch.testing.assert_close(x.grad, quantised.grad * inside * top)
    torch.testing.assert_close(weight.grad, taps.grad)


def test_a_constant_operand_gets_no_gradient():
    x, weight = torch.rand(1, 2, 4, 4), torch.randn(3, 2, 3, 3, requires_grad=True)
    bitserial_conv2d(x, weight, [1, 1], [1, 1], [1, 1], 2).sum().backward()
    assert x.grad is None and weight.grad is not None
    x.requires_grad_()
    bitserial_conv2d(x, weight.detach(), [1, 1], [1, 1], [1, 1], 2).sum().backward()
    assert x.grad is not None


def test_torch_finds_schema_and_shapes_consistent():
    arguments = (torch.rand(1, 3, 5, 4), torch.randn(2, 3, 3, 2), [2, 1], [1, 2], [1, 2], 3)
    torch.library.opcheck(bitserial_conv2d, arguments, test_utils=("test_schema", "test_faketensor"))


def test_export_keeps_one_node_with_literal_attributes():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(4, 3, 3, 3))

        def forward(self, x):
            return bitserial_conv2d(x, self.weight, [2, 2], [1, 1], [1, 1], 2)

    exported = torch.export.export(Net().eval(), (torch.rand(1, 3, 8, 8),))
    nodes = [node for node in exported.graph.nodes if node.op == "call_function"]
    assert [str(node.target) for node in nodes] == ["groupnet.bitserial_conv2d.default"]
    assert list(nodes[0].args[2:]) == [[2, 2], [1, 1], [1, 1], 2]


@pytest.mark.parametrize(
    ("x", "weight", "bits", "complaint"),
    [
        (torch.zeros(3, 4, 4), torch.zeros(2, 3, 3, 3), 1, "before bitserial_conv2d"),
        (torch.zeros(1, 3, 4, 4), torch.zeros(2, 1, 3, 3), 1, "input channels"),
        (torch.zeros(1, 3, 4, 4), torch.zeros(2, 3, 3, 3, dtype=torch.float64), 1, "dtype"),
        (torch.zeros(1, 3, 4, 4), torch.zeros(2, 3, 3, 3), 0, "activation_bits from 1 to 4"),
        (torch.zeros(1, 3, 4, 4), torch.zeros(2, 3, 3, 3), 5, "activation_bits from 1 to 4"),
    ],
)
def test_operands_that_do_not_fit_are_refused(x, weight, bits, complaint):
    with pytest.raises(OperatorError, match=complaint):
        bitserial_conv2d(x, weight, [1, 1], [1, 1], [1, 1], bits)
