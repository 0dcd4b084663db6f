"""Tiles fit the register file and the packed weights."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tvm_schedules.errors import KernelError
from tvm_schedules.partition import parts
from tvm_schedules.targets import InstructionSet
from tvm_schedules.tile import (
    INTEGER_BITS,
    REGISTER_FILES,
    Tile,
    budget,
    candidate_tiles,
    default_tile,
    weight_block,
)

ISAS = st.sampled_from(InstructionSet)


@given(isa=ISAS, channels=st.integers(1, 2000), binary=st.booleans())
def test_blocks_of_weights_waste_less_than_a_vector_each(isa, channels, binary):
    lanes = REGISTER_FILES[isa].lanes
    block = weight_block(channels, isa, binary=binary)
    blocks = parts(channels, block)
    assert block % lanes == 0
    assert block <= budget(isa, binary=binary).vectors * lanes
    assert blocks * block - channels < blocks * lanes


@given(
    isa=ISAS,
    height=st.integers(1, 60),
    width=st.integers(1, 120),
    channels=st.integers(1, 600),
    binary=st.booleans(),
)
def test_accumulators_of_the_default_tile_fit(isa, height, width, channels, binary):
    tile = default_tile(height, width, channels, isa, binary=binary)
    assert tile.rows * tile.columns * tile.vectors <= budget(isa, binary=binary).accumulators
    assert tile.rows <= height
    assert tile.columns <= width
    assert tile.rows == 1 or tile.columns == width


@pytest.mark.parametrize("isa", InstructionSet)
def test_the_default_comes_first_among_the_candidates_and_none_is_repeated(isa):
    candidates = candidate_tiles(13, 17, 64, isa, binary=True)
    assert candidates[0] == default_tile(13, 17, 64, isa, binary=True)
    assert len(candidates) == len(set(candidates)) > 5


def test_several_rows_where_rows_are_short():
    tile = default_tile(4, 4, 64, InstructionSet.AVX512_VPOPCNTDQ, binary=True)
    assert (tile.rows, tile.columns) == (2, 4)


def test_an_empty_tile_is_refused():
    with pytest.raises(KernelError, match="expected a tile with rows >= 1"):
        Tile(0, 1, 1, 1)


@pytest.mark.parametrize("isa", [InstructionSet.NEON, InstructionSet.NEON_DOTPROD, InstructionSet.PORTABLE])
@pytest.mark.parametrize("out_channels", [8, 16, 24, 32, 48, 80, 96, 144, 512])
def test_signs_of_a_binary_block_fill_an_integer(isa, out_channels):
    assert weight_block(out_channels, isa, binary=True) in INTEGER_BITS
