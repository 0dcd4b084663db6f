"""The model of ZA's tiles: every operation of a bank does what the reference of `bmopa` says."""

import numpy as np
import pytest
import tvm

from tvm_schedules.bmopa import TILE_EXTENT, ZA32_TILES, bmopa
from tvm_schedules.emit import argument, prim_func, serial
from tvm_schedules.outer_product import ModelBank
from tvm_schedules.targets import resolve_target

TILES = (ZA32_TILES, TILE_EXTENT, TILE_EXTENT)


def _run(rows, columns, row_limit, column_limit):
    """Every pair of words, accumulated to all four tiles and once more to the third; then all rows read."""
    bank = ModelBank()
    with prim_func("tiles", "binary_conv2d") as built:
        row_words = argument("rows", rows.shape, "int32")
        column_words = argument("columns", columns.shape, "int32")
        out = argument("out", TILES, "int32")
        with bank.region():
            bank.zero()
            row_mask, column_mask = bank.mask(0, row_limit), bank.mask(0, column_limit)
            whole = bank.mask(0, TILE_EXTENT)
            for tile in (*range(ZA32_TILES), 2):
                operands = (bank.load(words, whole, tile, 0) for words in (row_words, column_words))
                bank.accumulate(tile, row_mask, column_mask, *operands)
            for tile in range(ZA32_TILES):
                with serial(TILE_EXTENT) as row:
                    bank.store(out, bank.row(tile, row, whole), whole, tile, row, 0)
    result = tvm.runtime.tensor(np.full(TILES, -1, np.int32))
    compiled = tvm.compile(built[0], target=resolve_target("host"))
    compiled["tiles"](*(tvm.runtime.tensor(words.view(np.int32)) for words in (rows, columns)), result)
    return result.numpy()


@pytest.mark.parametrize("limits", [(16, 16), (1, 16), (5, 11), (16, 0)])
def test_accumulates_as_the_reference(limits):
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(0, 2**32, (2, ZA32_TILES, TILE_EXTENT), np.uint32)
    row_mask, column_mask = (np.arange(TILE_EXTENT) < limit for limit in limits)
    expected = np.zeros(TILES, np.int32)
    for tile in (*range(ZA32_TILES), 2):
        expected[tile] = bmopa(expected[tile], row_mask, column_mask, rows[tile], columns[tile])
    np.testing.assert_array_equal(_run(rows, columns, *limits), expected)
