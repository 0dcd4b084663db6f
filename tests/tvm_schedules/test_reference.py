"""The naive references against PyTorch's convolutions, which nobody here wrote."""

import numpy as np
import pytest
import torch

from tvm_schedules.reference import binary_conv2d_reference, dense_reference, float_conv2d_reference, sign

GEOMETRIES = [
    ((3, 3), (1, 1), (1, 1), (1, 1)),
    ((3, 3), (2, 1), (2, 0), (1, 2)),
    ((1, 5), (1, 2), (0, 2), (1, 1)),
]


def _torch_conv2d(x, weight, stride, padding, dilation, pad_value):
    padded = torch.nn.functional.pad(
        torch.from_numpy(x).permute(0, 3, 1, 2).double(),
        (padding[1], padding[1], padding[0], padding[0]),
        value=pad_value,
    )
    out = torch.nn.functional.conv2d(padded, torch.from_numpy(weight).double(), None, stride, 0, dilation)
    return out.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation"), GEOMETRIES)
@pytest.mark.parametrize("pad_value", [1, -1])
def test_binary_reference(kernel, stride, padding, dilation, pad_value):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 9, 8, 5)).astype(np.float32)
    weight = rng.standard_normal((4, 5, *kernel)).astype(np.float32)
    expected = _torch_conv2d(sign(x), sign(weight), stride, padding, dilation, pad_value)
    actual = binary_conv2d_reference(x, weight, stride, padding, dilation, pad_value)
    assert actual.dtype == np.int32
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize(("kernel", "stride", "padding", "dilation"), GEOMETRIES)
def test_float_reference(kernel, stride, padding, dilation):
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((2, 9, 8, 5)), rng.standard_normal((4, 5, *kernel))
    bias = rng.standard_normal(4)
    expected = np.maximum(_torch_conv2d(x, weight, stride, padding, dilation, 0) + bias, 0)
    actual = float_conv2d_reference(x, weight, stride, padding, dilation, bias, relu=True)
    np.testing.assert_allclose(actual, expected, rtol=1e-12, atol=1e-12)  # float64 sums in another order


def test_dense_reference():
    rng = np.random.default_rng(0)
    x, weight, bias = rng.standard_normal((3, 7)), rng.standard_normal((5, 7)), rng.standard_normal(5)
    layer = torch.nn.functional.linear(*(torch.from_numpy(array) for array in (x, weight, bias)))
    np.testing.assert_allclose(dense_reference(x, weight, bias), layer.numpy(), rtol=1e-12)


def test_sign_of_both_zeros_is_plus_one():
    np.testing.assert_array_equal(sign(np.array([0.0, -0.0, -1.0])), [1, 1, -1])
