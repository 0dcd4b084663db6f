"""Partitions cover their extent exactly, evenly, in at most two sizes."""

from hypothesis import given
from hypothesis import strategies as st

from tvm_schedules.partition import Segment, partition, parts


@given(extent=st.integers(1, 500), limit=st.integers(1, 40))
def test_parts_cover_the_extent_once_in_order(extent, limit):
    position = 0
    for segment in partition(extent, limit):
        assert segment.start == position
        assert 1 <= segment.size <= limit
        position += segment.size * segment.count
    assert position == extent


@given(extent=st.integers(1, 500), limit=st.integers(1, 40))
def test_as_few_parts_as_possible_and_sizes_differ_by_one(extent, limit):
    segments = partition(extent, limit)
    assert len(segments) <= 2
    assert sum(segment.count for segment in segments) == parts(extent, limit) == -(-extent // limit)
    sizes = [segment.size for segment in segments]
    assert max(sizes) - min(sizes) <= 1


def test_a_prime_extent_becomes_two_near_halves():
    assert partition(17, 14) == [Segment(0, 9, 1), Segment(9, 8, 1)]
