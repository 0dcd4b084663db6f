"""The outlines of the ten shapes, as polygons around the origin in a square of about -1 to 1."""

from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

Polygon = npt.NDArray[np.float64]
"""Corners (x, y), y downwards; float64 [n, 2]."""

_ROUND = 48  # corners of a circle


def _polar(angles: npt.NDArray[np.float64], radii: float | Polygon) -> Polygon:
    """Corners at angles from the top, clockwise."""
    return np.stack([radii * np.sin(angles), -radii * np.cos(angles)], axis=1)


def _turn(corners: int) -> npt.NDArray[np.float64]:
    return np.linspace(0, 2 * np.pi, corners, endpoint=False)


def _arrow() -> tuple[Polygon, ...]:
    right = [(0.0, -1.0), (0.75, -0.15), (0.3, -0.15), (0.3, 0.95)]
    return (np.array([*right, *((-x, y) for x, y in reversed(right[1:]))]),)


def _circle() -> tuple[Polygon, ...]:
    return (_polar(_turn(_ROUND), 0.85),)


def _crescent() -> tuple[Polygon, ...]:
    """An arc of 230 degrees, and back by the half circle between its ends."""
    radius, end = 0.95, np.radians(115)
    height, half_width = -radius * np.cos(end), radius * np.sin(end)
    outer = _polar(np.linspace(-end, end, _ROUND), radius)
    inner = _polar(np.linspace(np.pi / 2, -np.pi / 2, _ROUND), half_width) + np.array([0, height])
    return (np.concatenate([outer, inner]) + np.array([0, (radius - height) / 2]),)


def _cross() -> tuple[Polygon, ...]:
    arm, reach = 0.3, 0.92
    quarter = [(arm, -reach), (arm, -arm), (reach, -arm)]
    corners = []
    for _ in range(4):
        corners += quarter
        quarter = [(-y, x) for x, y in quarter]
    return (np.array(corners),)


def _drop() -> tuple[Polygon, ...]:
    angles = _turn(_ROUND)
    return (np.stack([0.85 * np.sin(angles) * np.sin(angles / 2) ** 1.5, -np.cos(angles)], axis=1),)


def _heart() -> tuple[Polygon, ...]:
    angles = _turn(_ROUND)
    height = 13 * np.cos(angles) - 5 * np.cos(2 * angles) - 2 * np.cos(3 * angles) - np.cos(4 * angles)
    return (np.stack([16 * np.sin(angles) ** 3, -2.5 - height], axis=1) / 16,)


def _ring() -> tuple[Polygon, ...]:
    return (_polar(_turn(_ROUND), 0.92), _polar(_turn(_ROUND), 0.5))


def _square() -> tuple[Polygon, ...]:
    return (np.array([(-0.75, -0.75), (0.75, -0.75), (0.75, 0.75), (-0.75, 0.75)]),)


def _star() -> tuple[Polygon, ...]:
    return (_polar(_turn(10), np.where(np.arange(10) % 2, 0.42, 1.0)),)


def _triangle() -> tuple[Polygon, ...]:
    return (_polar(_turn(3), 1.0),)


_MAKERS: dict[str, Callable[[], tuple[Polygon, ...]]] = {
    "arrow": _arrow,
    "circle": _circle,
    "crescent": _crescent,
    "cross": _cross,
    "drop": _drop,
    "heart": _heart,
    "ring": _ring,
    "square": _square,
    "star": _star,
    "triangle": _triangle,
}

SHAPES = tuple(_MAKERS)
"""Names of the classes, sorted."""


@cache
def outline(name: str) -> tuple[Polygon, ...]:
    """The shape's outer border, and behind it the borders of its holes; treat the arrays as read-only."""
    return _MAKERS[name]()
