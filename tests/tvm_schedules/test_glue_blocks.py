"""What the schedule of glue reads off blocks."""

import pytest
from tvm import te
from tvm.s_tir import Schedule
from tvm.tirx import exp

from tvm_schedules.glue_blocks import all_blocks, is_contiguous, is_costly, multiplies_two_buffers


def _blocks(*tensors):
    return all_blocks(Schedule(te.create_prim_func(list(tensors))))


@pytest.fixture
def x():
    return te.placeholder((4, 6), name="x")


def test_extents_kinds_and_elements(x):
    k = te.reduce_axis((0, 6), name="k")
    (block,) = _blocks(x, te.compute((4,), lambda i: te.sum(x[i, k], axis=k), name="total"))
    assert (block.name, block.extents, block.elements) == ("total", (4, 6), 24)
    assert block.is_reduction
    assert block.is_simple


def test_a_sum_of_squares_is_no_product_of_two_buffers_but_a_matrix_product_is(x):
    y = te.placeholder((6, 5), name="y")
    k = te.reduce_axis((0, 6), name="k")
    (squares,) = _blocks(x, te.compute((4,), lambda i: te.sum(x[i, k] * x[i, k], axis=k)))
    assert not multiplies_two_buffers(squares)
    (matmul,) = _blocks(x, y, te.compute((4, 5), lambda i, j: te.sum(x[i, k] * y[k, j], axis=k)))
    assert multiplies_two_buffers(matmul)


def test_a_scaled_sum_is_no_product_of_two_buffers(x):
    k = te.reduce_axis((0, 6), name="k")
    (block,) = _blocks(x, te.compute((4,), lambda i: te.sum(x[i, k] * 2.0, axis=k)))
    assert not multiplies_two_buffers(block)


def test_exp_is_costly_and_a_padding_condition_is_not(x):
    (dear,) = _blocks(x, te.compute((4, 6), lambda i, j: exp(x[i, j])))
    (cheap,) = _blocks(x, te.compute((5, 6), lambda i, j: te.if_then_else(i < 4, x[i, j], 0.0)))
    assert is_costly(dear)
    assert not is_costly(cheap)


def test_contiguous_means_every_access_at_the_own_axes(x):
    bias = te.placeholder((6,), name="bias")
    (same,) = _blocks(x, te.compute((4, 6), lambda i, j: x[i, j] + x[i, j]))
    (broadcast,) = _blocks(x, bias, te.compute((4, 6), lambda i, j: x[i, j] + bias[j]))
    (transposed,) = _blocks(x, te.compute((6, 4), lambda i, j: x[j, i]))
    assert is_contiguous(same)
    assert not is_contiguous(broadcast)
    assert not is_contiguous(transposed)
