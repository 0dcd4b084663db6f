"""Extents cut into runs of equal parts, so that no loop of a kernel needs a bounds check."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Segment:
    """`count` consecutive parts of `size` elements each, the first of them at `start`."""

    start: int
    size: int
    count: int


def parts(extent: int, limit: int) -> int:
    """How many parts of at most `limit` elements cover `extent`."""
    return -(-extent // limit)


def partition(extent: int, limit: int) -> list[Segment]:
    """Cut `extent` into the fewest parts of at most `limit`, as equal as can be: one or two segments.

    17 by 14 becomes 9 + 8 and not 14 + 3: the smaller a register tile, the more each weight load costs.
    """
    count = parts(extent, limit)
    small = extent // count
    larger = extent - small * count
    segments = []
    if larger:
        segments.append(Segment(0, small + 1, larger))
    segments.append(Segment(larger * (small + 1), small, count - larger))
    return segments
