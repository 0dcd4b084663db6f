"""How a tile cuts its reduction into chunks, runs and loads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvm_schedules.nest import Nest
from tvm_schedules.tile import Tile
from tvm_schedules.tile_emitter import _chunk_extents, _loads


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
