"""The reference of `bmopa`: against counts of bits one by one, and by construction."""

import numpy as np
import pytest

from tvm_schedules.bmopa import TILE_EXTENT, bmopa
from tvm_schedules.errors import KernelError

ALL = np.ones(TILE_EXTENT, np.bool_)
ZEROS = np.zeros((TILE_EXTENT, TILE_EXTENT), np.int32)


def _agreeing(a, b):
    """Positions in which two words agree, read off their binary digits."""
    return sum(x == y for x, y in zip(f"{a:032b}", f"{b:032b}", strict=True))


def test_every_element_counts_the_agreeing_bits_of_its_row_and_column():
    rng = np.random.default_rng(0)
    rows, columns = rng.integers(0, 2**32, (2, TILE_EXTENT), np.uint32)
    before = rng.integers(-1000, 1000, ZEROS.shape, np.int32)
    after = bmopa(before, ALL, ALL, rows, columns)
    assert after.dtype == np.int32
    expected = [[_agreeing(row, column) for column in columns] for row in rows]
    np.testing.assert_array_equal(after - before, expected)


def test_equal_words_agree_in_32_positions_and_opposite_words_in_none():
    words = np.arange(TILE_EXTENT, dtype=np.uint32) * 0x01234567
    np.testing.assert_array_equal(np.diag(bmopa(ZEROS, ALL, ALL, words, words)), 32)
    np.testing.assert_array_equal(np.diag(bmopa(ZEROS, ALL, ALL, words, ~words)), 0)


def test_one_bit_is_one_less():
    bits = np.uint32(1) << np.arange(TILE_EXTENT, dtype=np.uint32)
    result = bmopa(ZEROS, ALL, ALL, bits, np.zeros(TILE_EXTENT, np.uint32))
    np.testing.assert_array_equal(result, 31)
    np.testing.assert_array_equal(
        bmopa(ZEROS, ALL, ALL, bits, bits), 30 + 2 * np.eye(TILE_EXTENT, dtype=np.int32)
    )


def test_inactive_rows_and_columns_keep_what_they_hold():
    rows = np.zeros(TILE_EXTENT, np.uint32)
    row_mask, column_mask = np.arange(TILE_EXTENT) < 5, np.arange(TILE_EXTENT) % 2 == 0
    result = bmopa(ZEROS + 7, row_mask, column_mask, rows, rows)
    np.testing.assert_array_equal(result, 7 + 32 * np.outer(row_mask, column_mask))


def test_sums_wrap_at_32_bits():
    top = np.full_like(ZEROS, 2**31 - 1)
    words = np.zeros(TILE_EXTENT, np.uint32)
    np.testing.assert_array_equal(bmopa(top, ALL, ALL, words, words), -(2**31) + 31)


def test_vectors_of_other_extents_are_refused():
    with pytest.raises(KernelError, match="expected masks and vectors of extents"):
        bmopa(ZEROS, ALL, ALL, np.zeros(8, np.uint32), np.zeros(TILE_EXTENT, np.uint32))
