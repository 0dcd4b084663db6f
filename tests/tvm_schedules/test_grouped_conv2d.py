"""Grouped convolutions are exact: every branch, their sum, the next inputs and their signs."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from grouped_case import GroupedCase
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from kernel_harness import assembly, kernel_name, run_kernel_with_outputs, runnable_targets

from tvm_schedules.binary_conv2d import BinaryConv2dShape
from tvm_schedules.cores import register_file
from tvm_schedules.errors import KernelError
from tvm_schedules.grouped_conv2d import (
    GroupedEpilogue,
    candidate_regions,
    default_region,
    grouped_conv2d_kernel,
)
from tvm_schedules.packing import PackedOutput
from tvm_schedules.targets import resolve_target
from tvm_schedules.tile import default_tile

SHAPE = BinaryConv2dShape(1, 5, 9, 33, 48, (3, 3), padding=(1, 1), border=(1, 1))
EPILOGUE = GroupedEpilogue(True, True, False, True, PackedOutput((1, 1), 1), False)


@settings(max_examples=25, deadline=None)
@given(
    target=st.sampled_from(runnable_targets()),
    size=st.tuples(st.integers(1, 2), st.integers(1, 6), st.sampled_from([1, 3, 7, 17])),
    channels=st.sampled_from([1, 31, 32, 33, 65]),
    out_channels=st.sampled_from([1, 5, 8, 16, 20, 31, 32, 33, 48, 64, 65]),
    stride=st.integers(1, 2),
    dilation=st.integers(1, 2),
    branches=st.integers(1, 5),
    flags=st.tuples(*[st.booleans()] * 7),
    border=st.tuples(st.integers(0, 2), st.integers(0, 2)),
    pad_values=st.tuples(st.sampled_from([1, -1]), st.sampled_from([1, -1])),
    seed=st.integers(0, 2**32 - 1),
)
def test_equals_the_reference_exactly(
    target, size, channels, out_channels, stride, dilation, branches, flags, border, pad_values, seed
):
    relu, residual, mixed, floats, is_packed, shared, shows = flags
    assume(mixed or floats or is_packed)
    shape = BinaryConv2dShape(
        *size,
        channels,
        out_channels,
        (3, 3),
        (stride, stride),
        padding=(dilation, dilation),
        dilation=(dilation, dilation),
        border=(2, 2),
    )
    packed = PackedOutput(border, pad_values[0]) if is_packed else None
    epilogue = GroupedEpilogue(relu, residual, mixed, floats, packed, residual and floats and seed % 2 == 0)
    case = GroupedCase(shape, epilogue, branches, shared, shows, pad_values[1])
    case.check(run_kernel_with_outputs, resolve_target(target), np.random.default_rng(seed))


@pytest.mark.parametrize("target_text", runnable_targets())
def test_every_candidate_region_computes_the_same(target_text):
    target = resolve_target(target_text)
    tile = default_tile(5, 9, 48, register_file(target), binary=True)
    regions = candidate_regions(SHAPE, 2, tile)
    assert regions[0] == default_region(SHAPE, 2) == (4, 9)
    assert len(set(regions)) == len(regions) >= 3
    for region in regions:
        case = GroupedCase(SHAPE, EPILOGUE, 2, shows=True)
        case.check(run_kernel_with_outputs, target, np.random.default_rng(0), region=region)


@pytest.mark.parametrize(
    ("size", "branches", "region"), [(56, 5, (2, 56)), (28, 5, (4, 28)), (3, 5, (3, 3)), (224, 8, (1, 224))]
)
def test_regions_are_whole_rows_whose_scratch_fits_a_cache(size, branches, region):
    shape = BinaryConv2dShape(1, size, size, 64, 64, (1, 1))
    assert default_region(shape, branches) == region


@pytest.mark.parametrize("target_text", runnable_targets())
def test_blocks_by_rows_and_rows_by_blocks_are_both_exact(target_text):
    """Many weights make a block of channels the outer loop, few a band of rows."""
    for channels in (32, 512):
        shape = replace(SHAPE, in_channels=channels, out_channels=40)
        case = GroupedCase(shape, EPILOGUE, 2)
        case.check(run_kernel_with_outputs, resolve_target(target_text), np.random.default_rng(0))


def test_what_cannot_be_is_refused():
    with pytest.raises(KernelError, match="expected mixed, floats, packed"):
        GroupedEpilogue(True, True, False, False, None, False)
    with pytest.raises(KernelError, match="expected a residual and floats"):
        GroupedEpilogue(True, False, False, True, None, True)
    with pytest.raises(KernelError, match="expected branches >= 1"):
        grouped_conv2d_kernel(SHAPE, resolve_target("host"), EPILOGUE, branches=0)


def test_different_groups_have_different_names():
    target = resolve_target("arm64")
    shape = BinaryConv2dShape(1, 4, 4, 32, 16, (1, 1))
    names = [
        kernel_name(grouped_conv2d_kernel(shape, target, GroupedEpilogue(*flags, None, in_place), branches=k))
        for k, flags, in_place in product((1, 2), product((False, True), repeat=4), (False, True))
        if (flags[2] or flags[3]) and (not in_place or (flags[1] and flags[3]))
    ]
    assert len(set(names)) == len(names) == 32


@pytest.mark.parametrize(("core", "conversion"), [("znver4", "vcvtdq2ps"), ("arm64", "scvtf")])
def test_residuals_are_not_loaded_all_at_once(core, conversion):
    """Tiles are kept in memory: no stretch of code converts the sums of two branches."""
    target, shape = resolve_target(core), BinaryConv2dShape(1, 4, 8, 32, 32, (1, 1))
    text = assembly(grouped_conv2d_kernel(shape, target, EPILOGUE, branches=2), target)
    tile = default_tile(4, 8, 32, register_file(target), binary=True)
    blocks = [block.count(f"\t{conversion}\t") for block in text.split("\n.LBB")]
    assert 0 < max(blocks) <= tile.rows * tile.columns * tile.vectors
