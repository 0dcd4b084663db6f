"""How words and weights are laid out for outer products."""

import numpy as np
import pytest
import tvm

from tvm_schedules.binary_conv2d import BinaryConv2dShape
from tvm_schedules.emit import argument, prim_func
from tvm_schedules.errors import KernelError
from tvm_schedules.sme2_operands import (
    OuterProductPlan,
    emit_planes,
    pack_sme2_weights,
    sme2_weight_shape,
)
from tvm_schedules.targets import resolve_target
from tvm_schedules.words import pack_signs


@pytest.mark.parametrize(("out_channels", "block"), [(1, 16), (16, 16), (17, 32), (64, 32), (70, 32)])
@pytest.mark.parametrize("in_channels", [1, 31, 32, 33])
@pytest.mark.parametrize("kernel", [(2, 3), (2, 1)])
def test_packed_weights_hold_channel_o_in_its_column(out_channels, block, in_channels, kernel):
    weight = np.random.default_rng(0).standard_normal((out_channels, in_channels, *kernel))
    packed = pack_sme2_weights(weight)
    shape = BinaryConv2dShape(1, 4, 4, in_channels, out_channels, kernel)
    assert packed.shape == sme2_weight_shape(shape)
    assert packed.shape[-1] == block
    assert packed.dtype == np.uint32
    expected = pack_signs(np.ascontiguousarray(weight.transpose(0, 2, 3, 1)))
    for channel in range(packed.shape[0] * block):
        column = packed[channel // block, ..., channel % block]
        np.testing.assert_array_equal(column, expected[channel] if channel < out_channels else 0)


def test_weights_of_other_axes_are_refused():
    with pytest.raises(KernelError, match="OIHW"):
        pack_sme2_weights(np.ones((4, 4, 3)))


@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (2, 3)])
def test_planes_hold_every_pixel_where_the_formula_says(stride):
    shape = BinaryConv2dShape(2, 5, 6, 40, 1, (1, 1), stride, border=(1, 0))
    planes_shape = OuterProductPlan(shape).planes_shape
    with prim_func("planes", "binary_conv2d") as built:
        source = argument("words", shape.packed_input_shape, "int32")
        emit_planes(shape, source, argument("planes", planes_shape, "int32"))
    words = np.arange(np.prod(shape.packed_input_shape), dtype=np.int32).reshape(shape.packed_input_shape)
    result = tvm.runtime.tensor(np.full(planes_shape, -1, np.int32))
    tvm.compile(built[0], target=resolve_target("host"))["planes"](tvm.runtime.tensor(words), result)
    planes = result.numpy()
    plane_columns = -(-shape.packed_input_shape[2] // stride[1])
    for image, row, column, word in np.ndindex(words.shape):
        element = row // stride[0] * plane_columns + column // stride[1]
        plane = planes[image, row % stride[0], column % stride[1], word]
        assert plane[element] == words[image, row, column, word]
    assert (planes >= 0).sum() == words.size


@pytest.mark.parametrize(
    ("size", "out_channels", "vectors"), [(4, 8, (1, 1)), (4, 64, (1, 2)), (56, 8, (4, 1)), (56, 64, (2, 2))]
)
def test_runs_and_blocks_share_four_tiles(size, out_channels, vectors):
    plan = OuterProductPlan(BinaryConv2dShape(1, size, size, 32, out_channels, (1, 1)))
    assert (plan.position_vectors, plan.channel_vectors) == vectors
    assert plan.run == 16 * vectors[0]
