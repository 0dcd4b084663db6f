"""The dilations of binary parallel atrous convolution."""

import pytest

from models.segmentation.parallel_rates import is_parallel, parallel_rates


def test_five_bases_have_the_official_rates():
    assert parallel_rates(stages=4, dilated=2, bases=5) == ((1,), (1,), (2, 3, 4, 5, 6), (6, 7, 8, 9, 10))


def test_a_stage_begins_with_the_last_rate_of_the_one_before():
    rates = parallel_rates(stages=3, dilated=3, bases=3)
    assert rates == ((2, 3, 4), (4, 5, 6), (6, 7, 8))


@pytest.mark.parametrize("bases", [2, 3, 5, 8])
def test_its_own_rates_are_recognised(bases):
    assert is_parallel(parallel_rates(4, 2, bases), bases)


def test_other_rates_are_not_parallel():
    assert not is_parallel(((1,), (1,), (2,), (4,)), 5)
    assert not is_parallel((), 5)
    assert not is_parallel(((1,), (2, 3, 5)), 3)
    assert not is_parallel(parallel_rates(2, 1, 1), 1)
