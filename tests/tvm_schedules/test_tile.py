"""Tiles fit the register file and the packed weights."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvm_schedules.cores import register_file
from tvm_schedules.errors import KernelError
from tvm_schedules.partition import parts
from tvm_schedules.targets import InstructionSet, resolve_target
from tvm_schedules.tile import (
    INTEGER_BITS,
    REGISTER_FILES,
    Counter,
    Tile,
    candidate_tiles,
    default_tile,
    weight_block,
)

FILES = st.sampled_from([*REGISTER_FILES.values(), register_file(resolve_target("cortex-a76"))])


@given(registers=FILES, channels=st.integers(1, 2000), binary=st.booleans())
def test_blocks_of_weights_waste_less_than_a_vector_each(registers, channels, binary):
    lanes = registers.lanes
    block = weight_block(channels, registers, binary=binary)
    blocks = parts(channels, block)
    assert block % lanes == 0
    assert block <= registers.budget(binary=binary).vectors * lanes
    assert blocks * block - channels < blocks * lanes


@given(
    registers=FILES,
    height=st.integers(1, 60),
    width=st.integers(1, 120),
    channels=st.integers(1, 600),
    binary=st.booleans(),
)
def test_accumulators_of_the_default_tile_fit(registers, height, width, channels, binary):
    tile = default_tile(height, width, channels, registers, binary=binary)
    assert tile.rows * tile.columns * tile.vectors <= registers.budget(binary=binary).accumulators
    assert tile.rows <= height
    assert tile.columns <= width
    assert tile.rows == 1 or tile.columns == width


@pytest.mark.parametrize("registers", REGISTER_FILES.values(), ids=[isa.value for isa in REGISTER_FILES])
@pytest.mark.parametrize("binary", [True, False])
def test_the_default_comes_first_among_the_candidates_and_none_is_repeated(registers, binary):
    candidates = candidate_tiles(13, 17, 64, registers, binary=binary)
    assert candidates[0] == default_tile(13, 17, 64, registers, binary=binary)
    assert len(candidates) == len(set(candidates)) > 5
    assert {tile.counter for tile in candidates} == {None, *(registers.counters[1:] if binary else ())}


def test_several_rows_where_rows_are_short():
    tile = default_tile(4, 4, 64, REGISTER_FILES[InstructionSet.AVX512_VPOPCNTDQ], binary=True)
    assert (tile.rows, tile.columns) == (2, 4)


def test_an_empty_tile_is_refused():
    with pytest.raises(KernelError, match="expected a tile with rows >= 1"):
        Tile(0, 1, 1, 1)


@pytest.mark.parametrize("isa", [InstructionSet.NEON, InstructionSet.NEON_DOTPROD, InstructionSet.PORTABLE])
@pytest.mark.parametrize("out_channels", [8, 16, 24, 32, 48, 80, 96, 144, 512])
def test_signs_of_a_binary_block_fill_an_integer(isa, out_channels):
    assert weight_block(out_channels, REGISTER_FILES[isa], binary=True) in INTEGER_BITS


@pytest.mark.parametrize(
    ("run", "unroll", "expected"),
    [(6, 8, 6), (12, 8, 4), (16, 8, 8), (18, 8, 4), (48, 8, 8), (9, 4, 4), (5, 2, 2), (1, 8, 1)],
)
def test_a_body_is_halved_while_it_leaves_a_rest_but_not_below_four_steps(run, unroll, expected):
    assert Tile(1, 1, 1, unroll).body_steps(run) == expected


def test_only_a_chosen_counter_is_in_a_name():
    assert Tile(1, 2, 8, 4).name_fields() == {"t": (1, 2), "v": (8,), "u": (4,)}
    assert Tile(1, 2, 8, 4, Counter.PAIRS).name_fields()["a"] == (16,)
