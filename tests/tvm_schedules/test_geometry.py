"""Output extents and refused shapes."""

import numpy as np
import pytest
import torch

from tvm_schedules.binary_conv2d import BinaryConv2dShape
from tvm_schedules.errors import KernelError
from tvm_schedules.float_conv2d import FloatConv2dShape
from tvm_schedules.geometry import check_weight_axes, out_extent


@pytest.mark.parametrize("extent", [7, 13, 56])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("dilation", [1, 2])
def test_out_extent_is_pytorchs(extent, stride, dilation):
    x = torch.zeros(1, 1, extent)
    out = torch.nn.functional.conv1d(x, torch.zeros(1, 1, 3), stride=stride, padding=1, dilation=dilation)
    assert out_extent(extent, 3, stride, 1, dilation) == out.shape[2]


@pytest.mark.parametrize("shape_class", [BinaryConv2dShape, FloatConv2dShape])
@pytest.mark.parametrize("field", ["batch", "height", "width", "in_channels", "out_channels"])
def test_an_extent_of_zero_is_refused(shape_class, field):
    fields = {"batch": 1, "height": 4, "width": 4, "in_channels": 3, "out_channels": 2, field: 0}
    with pytest.raises(KernelError, match="expected positive extents"):
        shape_class(**fields, kernel=(3, 3))


@pytest.mark.parametrize("shape_class", [BinaryConv2dShape, FloatConv2dShape])
def test_a_kernel_larger_than_the_padded_input_is_refused(shape_class):
    with pytest.raises(KernelError, match="expected a kernel that fits"):
        shape_class(1, 4, 4, 3, 2, kernel=(3, 5), dilation=(1, 2))


def test_a_border_narrower_than_the_padding_is_refused():
    with pytest.raises(KernelError, match="expected a stored border at least as wide"):
        BinaryConv2dShape(1, 4, 4, 3, 2, kernel=(3, 3), padding=(1, 1), border=(1, 0))


def test_taps_and_macs():
    shape = BinaryConv2dShape(2, 5, 4, 33, 7, (3, 2))
    assert shape.taps == 3 * 2 * 33
    assert shape.macs == np.prod(shape.out_shape) * shape.taps


def test_weights_with_the_wrong_axes_are_refused():
    with pytest.raises(KernelError, match="expected a weight OIHW; got 3 axes"):
        check_weight_axes(3, 4, "OIHW")
