"""`binary_conv2d` against loops written out, its gradient against formulas, its node in an exported graph."""

import numpy as np
import pytest
import torch
from torch import nn

from models.binary_conv2d import binary_conv2d
from models.errors import OperatorError


def _reference(x, weight, stride, padding, dilation, pad_value):
    """The convolution of signs by six loops, in integers."""
    signs = np.where(x >= 0, 1, -1)
    (vertical, horizontal), (down, right) = padding, stride
    border = ((0, 0), (0, 0), (vertical, vertical), (horizontal, horizontal))
    signs = np.pad(signs, border, constant_values=pad_value)
    taps = np.where(weight >= 0, 1, -1)
    batch, _, height, width = signs.shape
    out_channels, _, kernel_h, kernel_w = taps.shape
    rows = (height - dilation[0] * (kernel_h - 1) - 1) // down + 1
    columns = (width - dilation[1] * (kernel_w - 1) - 1) // right + 1
    y = np.zeros((batch, out_channels, rows, columns), np.int64)
    for n, o, row, column, kh, kw in np.ndindex(batch, out_channels, rows, columns, kernel_h, kernel_w):
        pixel = signs[n, :, row * down + kh * dilation[0], column * right + kw * dilation[1]]
        y[n, o, row, column] += pixel @ taps[o, :, kh, kw]
    return y


@pytest.mark.parametrize("pad_value", [1, -1])
@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "dilation"),
    [
        ((3, 3), (1, 1), (1, 1), (1, 1)),
        ((1, 1), (2, 2), (0, 0), (1, 1)),
        ((3, 3), (2, 2), (1, 1), (1, 1)),
        ((3, 2), (2, 1), (2, 0), (1, 2)),
    ],
)
def test_it_equals_six_loops_exactly(kernel, stride, padding, dilation, pad_value):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 5, 7, 6)).astype(np.float32)
    x[0, :, 3, 3] = 0.0
    x[0, :, 0, 0] = -0.0
    weight = rng.normal(size=(3, 5, *kernel)).astype(np.float32)
    weight[0, 0] = 0.0
    y = binary_conv2d(torch.tensor(x), torch.tensor(weight), stride, padding, dilation, pad_value)
    assert y.dtype == torch.float32
    np.testing.assert_array_equal(y.numpy(), _reference(x, weight, stride, padding, dilation, pad_value))


def test_zeros_count_as_plus_one_in_both_operands():
    y = binary_conv2d(torch.zeros(1, 4, 2, 2), torch.zeros(1, 4, 1, 1), [1, 1], [0, 0], [1, 1], 1)
    assert torch.equal(y, torch.full((1, 1, 2, 2), 4.0))


@pytest.mark.parametrize("pad_value", [1, -1])
def test_a_corner_sees_the_pad_value(pad_value):
    x, weight = -torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)
    y = binary_conv2d(x, weight, [1, 1], [1, 1], [1, 1], pad_value)
    assert y[0, 0, 0, 0] == -4 + 5 * pad_value
    assert y[0, 0, 1, 1] == -9


def test_gradients_are_the_polynomial_and_the_identity():
    torch.manual_seed(0)
    x = torch.linspace(-1.5, 1.5, 2 * 3 * 5 * 5).reshape(2, 3, 5, 5).requires_grad_()
    weight = torch.randn(4, 3, 3, 3).requires_grad_()
    upstream = torch.randn(2, 4, 3, 3)
    binary_conv2d(x, weight, [2, 2], [1, 1], [1, 1], 1).backward(upstream)

    signs = torch.where(x.detach() >= 0, 1.0, -1.0).requires_grad_()
    taps = torch.where(weight.detach() >= 0, 1.0, -1.0).requires_grad_()
    padded = torch.nn.functional.pad(signs, (1, 1, 1, 1), value=1.0)
    torch.nn.functional.conv2d(padded, taps, stride=2).backward(upstream)
    a = x.detach().numpy()
    slope = np.where((a >= -1) & (a < 0), 2 + 2 * a, np.where((a >= 0) & (a < 1), 2 - 2 * a, 0.0))
    np.testing.assert_allclose(x.grad, signs.grad.numpy() * slope, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(weight.grad, taps.grad.numpy(), rtol=1e-5, atol=1e-6)


def test_a_constant_operand_gets_no_gradient():
    x, weight = torch.randn(1, 2, 4, 4), torch.randn(3, 2, 3, 3, requires_grad=True)
    binary_conv2d(x, weight, [1, 1], [1, 1], [1, 1], 1).sum().backward()
    assert x.grad is None and weight.grad is not None
    x.requires_grad_()
    binary_conv2d(x, weight.detach(), [1, 1], [1, 1], [1, 1], 1).sum().backward()
    assert x.grad is not None


def test_torch_finds_schema_shapes_and_gradient_consistent():
    arguments = (torch.randn(1, 3, 5, 4), torch.randn(2, 3, 3, 2), [2, 1], [1, 2], [1, 2], -1)
    # Not `test_autograd_registration`'s gradcheck: a straight-through gradient is no derivative.
    torch.library.opcheck(binary_conv2d, arguments, test_utils=("test_schema", "test_faketensor"))


def test_export_keeps_one_node_with_literal_attributes():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.randn(4, 3, 3, 3))

        def forward(self, x):
            return binary_conv2d(x, self.weight, [2, 2], [1, 1], [1, 1], 1)

    exported = torch.export.export(Net().eval(), (torch.randn(1, 3, 8, 8),))
    nodes = [node for node in exported.graph.nodes if node.op == "call_function"]
    assert [str(node.target) for node in nodes] == ["groupnet.binary_conv2d.default"]
    assert list(nodes[0].args[2:]) == [[2, 2], [1, 1], [1, 1], 1]


@pytest.mark.parametrize(
    ("x", "weight", "pad_value", "complaint"),
    [
        (torch.zeros(3, 4, 4), torch.zeros(2, 3, 3, 3), 1, "dimensions"),
        (torch.zeros(1, 3, 4, 4), torch.zeros(2, 1, 3, 3), 1, "input channels"),
        (torch.zeros(1, 3, 4, 4, dtype=torch.int32), torch.zeros(2, 3, 3, 3), 1, "dtype"),
        (torch.zeros(1, 3, 4, 4), torch.zeros(2, 3, 3, 3), 0, "pad_value"),
    ],
)
def test_operands_that_do_not_fit_are_refused(x, weight, pad_value, complaint):
    with pytest.raises(OperatorError, match=complaint):
        binary_conv2d(x, weight, [1, 1], [1, 1], [1, 1], pad_value)
