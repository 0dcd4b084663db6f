"""How the shared nest cuts its reduction, and that no output past the last channel is touched."""

import numpy as np
import pytest
import tvm
from hypothesis import given
from hypothesis import strategies as st
from kernel_harness import kernel_name, runnable_targets

from tvm_schedules.binary_conv2d import BinaryConv2dShape, binary_conv2d_kernel, pack_weights
from tvm_schedules.nest import Nest, _chunk_extents, _loads
from tvm_schedules.reference import binary_conv2d_reference
from tvm_schedules.targets import resolve_target
from tvm_schedules.tile import Tile
from tvm_schedules.words import pack_signs


def _nest(kernel, depth, dilation):
    return Nest(
        1,
        4,
        4,
        16,
        kernel,
        (1, 1),
        dilation,
        (0, 0),
        depth,
        lanes=4,
        broadcasts_lanes=True,
        tile=Tile(1, 2, 4, 4),
    )


@given(
    kernel=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    depth=st.integers(1, 64),
    dilation=st.tuples(st.integers(1, 2), st.integers(1, 2)),
)
def test_no_chunk_has_more_steps_than_a_byte_can_count(kernel, depth, dilation):
    nest = _nest(kernel, depth, dilation)
    rows, runs, elements = _chunk_extents(nest, 31)
    assert 1 <= rows * runs * elements <= 31
    assert _chunk_extents(nest, None) == (kernel[0], *nest.runs)
    assert nest.runs[0] * nest.runs[1] == kernel[1] * depth


def test_a_kernel_row_is_one_run_unless_it_is_dilated():
    assert _nest((3, 3), 2, (2, 1)).runs == (1, 6)
    assert _nest((3, 3), 2, (1, 2)).runs == (3, 2)


@pytest.mark.parametrize("count", range(1, 9))
@pytest.mark.parametrize("widest", [1, 2, 4])
def test_loads_visit_every_element_once_in_order(count, widest):
    assert [offset + lane for offset, _, lane in _loads(count, widest)] == list(range(count))
    assert all(width <= widest and offset + width <= count for offset, width, _ in _loads(count, widest))


@pytest.mark.parametrize(("depth", "width"), [(1, 1), (2, 2), (3, 4), (16, 4)])
def test_narrow_pixels_are_loaded_pixel_by_pixel(depth, width):
    assert _nest((3, 3), depth, (1, 1)).load_width == width


@pytest.mark.parametrize("target_text", runnable_targets())
def test_memory_past_the_last_channel_stays_untouched(target_text):
    target = resolve_target(target_text)
    shape = BinaryConv2dShape(1, 2, 3, 32, 21, (1, 1))
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((1, 2, 3, 32)), rng.standard_normal((21, 32, 1, 1))
    func = binary_conv2d_kernel(shape, target, relu=False)
    size = int(np.prod(shape.out_shape))
    memory = np.full(size + 64 + 16, 123.0, np.float32)
    start = -memory.ctypes.data % 64 // 4  # TVM asks for tensors aligned to 64 bytes
    out = memory[start : start + size].reshape(shape.out_shape)
    parameters = (np.ones(21, np.float32), np.zeros(21, np.float32))
    operands = (pack_signs(x), pack_weights(weight, target), *parameters)
    tvm.compile(func, target=target)[kernel_name(func)](
        *(tvm.runtime.tensor(operand) for operand in operands), tvm.runtime.from_dlpack(out)
    )
    np.testing.assert_array_equal(out, binary_conv2d_reference(x, weight))
    assert (memory[:start] == 123).all()
    assert (memory[start + size :] == 123).all()
