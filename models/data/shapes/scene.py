"""Puts objects and clutter before a background, from back to front, and keeps account of what stays visible.

Boxes and masks are of the visible part, as in VOC and COCO. An object of which less than `DROPPED_BELOW` is
visible, or fewer than `LEAST_PIXELS`, has no box, and its pixels are 255 in the mask; below
`DIFFICULT_BELOW` it is difficult.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageFilter

from models.data.samples import IGNORE, Image, Mask
from models.data.shapes.backgrounds import Colours, draw_background
from models.data.shapes.clutter import draw_blob, draw_stroke
from models.data.shapes.glyphs import Coverage, Kind, Split
from models.data.shapes.textures import draw_texture

DROPPED_BELOW = 0.15
DIFFICULT_BELOW = 0.4
LEAST_PIXELS = 20

_OCCLUDED_BELOW = 0.95
_CERTAIN = np.float32(0.95)  # a pixel of which less belongs to one object or the background is border
_ATTEMPTS = 8


@dataclass(frozen=True, eq=False)
class SceneObject:
    """One visible object.

    Attributes:
        label: Its class.
        box: Left, top, right, bottom in whole pixels, the last two exclusive.
        mask: Pixels of which it covers at least a half, bool [H, W].
        truncated: It reaches beyond the image.
        occluded: Something lies before it.
        difficult: Little of it is visible.
    """

    label: int
    box: tuple[int, int, int, int]
    mask: npt.NDArray[np.bool_]
    truncated: bool
    occluded: bool
    difficult: bool


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture, its pixels' classes (0 is background, 255 border), and the objects from back to front."""

    image: Image
    mask: Mask
    objects: tuple[SceneObject, ...]


@dataclass(frozen=True, eq=False)
class Layer:
    """A patch of the picture: where its corner is, what it covers, and whose it is (None: clutter)."""

    top: int
    left: int
    coverage: Coverage
    surface: Colours
    label: int | None


def draw_scene(rng: np.random.Generator, kind: Kind, size: int, split: Split) -> Scene:
    """A picture of up to six objects among clutter, `size` pixels squared; one in 32 has no object."""
    count = 0 if rng.random() < 1 / 32 else int(rng.integers(1, 7))
    layers = [_clutter(rng, size, split) for _ in range(rng.integers(4))]
    placed: list[tuple[float, float, float]] = []
    for _ in range(count):
        radius = max(kind.least_radius, size * float(np.exp(rng.uniform(*np.log(kind.radius)))))
        centre = _place(rng, size, radius, placed)
        if centre is not None:
            placed.append((*centre, radius))
            layers.append(_object(rng, kind, int(rng.integers(len(kind.classes))), centre, radius, split))
    for _ in range(rng.integers(3)):
        layers.insert(int(rng.integers(len(layers) + 1)), _clutter(rng, size, split))
    return compose(rng, draw_background(rng, size, size, split), layers)


def draw_single(rng: np.random.Generator, kind: Kind, label: int, size: int, split: Split) -> Image:
    """A picture of one large object among clutter, with at least half of the object visible."""
    radius = size * rng.uniform(0.24, 0.42)
    centre = (float(rng.uniform(0.38, 0.62) * size), float(rng.uniform(0.38, 0.62) * size))
    main = _object(rng, kind, label, centre, radius, split)
    behind = [_clutter(rng, size, split) for _ in range(rng.integers(1, 6))]
    background = draw_background(rng, size, size, split)
    before = [_clutter(rng, size, split) for _ in range(rng.integers(4))]
    while True:
        scene = compose(rng, background, [*behind, main, *before])
        if scene.objects and scene.objects[0].mask.sum() >= main.coverage.sum() / 2:
            return scene.image
        before = before[1:]


def compose(rng: np.random.Generator, background: Colours, layers: list[Layer]) -> Scene:
    """Lay `layers` on the background [H, W, 3], the last one in front, and look at the result with a camera.

    Args:
        rng: Draws shadows, blur and noise.
        background: RGB in 0 to 255.
        layers: From back to front; they may reach beyond the picture.
    """
    height, width = background.shape[:2]
    canvas = background.copy()
    owners = [layer for layer in layers if layer.label is not None]
    visible = np.zeros((len(owners), height, width), np.float32)
    known = 0
    for layer in layers:
        _cast_shadow(rng, canvas, layer)
        inside, part = _overlap(layer.top, layer.left, layer.coverage.shape, height, width)
        alpha = layer.coverage[part]
        canvas[inside] += (layer.surface[part] - canvas[inside]) * alpha[..., None]
        visible[:known, *inside] *= 1 - alpha
        if layer.label is not None:
            visible[known][inside] = alpha
            known += 1
    objects = [_describe(layer, seen) for layer, seen in zip(owners, visible, strict=True)]
    mask = _label_pixels([layer.label for layer in owners], [thing is None for thing in objects], visible)
    return Scene(_photograph(rng, canvas), mask, tuple(thing for thing in objects if thing is not None))


def _place(
    rng: np.random.Generator, size: int, radius: float, placed: list[tuple[float, float, float]]
) -> tuple[float, float] | None:
    """A centre (x, y) that leaves most of the earlier objects visible, or None where none was found."""
    for _ in range(_ATTEMPTS):
        x, y = rng.uniform(0.3 * radius, size - 0.3 * radius, 2)
        if all((x - u) ** 2 + (y - v) ** 2 > (0.7 * (radius + r)) ** 2 for u, v, r in placed):
            return float(x), float(y)
    return None


def _object(
    rng: np.random.Generator,
    kind: Kind,
    label: int,
    centre: tuple[float, float],
    radius: float,
    split: Split,
) -> Layer:
    coverage = kind.draw(rng, label, radius, split)
    rows, columns = coverage.shape
    surface = draw_texture(rng, rows, columns, split)
    return Layer(round(centre[1] - rows / 2), round(centre[0] - columns / 2), coverage, surface, label)


def _clutter(rng: np.random.Generator, size: int, split: Split) -> Layer:
    coverage = (draw_stroke if rng.random() < 0.6 else draw_blob)(rng, size)
    rows, columns = coverage.shape
    top, left = (int(rng.integers(-side // 2, size - side // 2)) for side in (rows, columns))
    return Layer(top, left, coverage, draw_texture(rng, rows, columns, split), None)


_Window = tuple[slice, slice]


def _overlap(top: int, left: int, shape: tuple[int, ...], height: int, width: int) -> tuple[_Window, _Window]:
    """Where a patch meets the picture: rows and columns in the picture, and in the patch."""
    first_row, first_column = max(0, top), max(0, left)
    last_row = max(first_row, min(height, top + shape[0]))
    last_column = max(first_column, min(width, left + shape[1]))
    inside = (slice(first_row, last_row), slice(first_column, last_column))
    part = (slice(first_row - top, last_row - top), slice(first_column - left, last_column - left))
    return inside, part


def _cast_shadow(rng: np.random.Generator, canvas: Colours, layer: Layer) -> None:
    """Darken what is behind half of the layers, a little to one side; nothing counts as hidden by that."""
    if rng.random() < 0.5:
        return
    down, right = (int(value) for value in rng.integers(-3, 4, 2))
    inside, part = _overlap(layer.top + down, layer.left + right, layer.coverage.shape, *canvas.shape[:2])
    canvas[inside] *= 1 - layer.coverage[part][..., None] * np.float32(rng.uniform(0.2, 0.5))


def _describe(layer: Layer, seen: Coverage) -> SceneObject | None:
    """The object of a layer, of which `seen` [H, W] is visible; None where that is too little."""
    whole = float(layer.coverage.sum())
    mask = seen >= 0.5
    part = float(seen.sum()) / whole
    if part < DROPPED_BELOW or mask.sum() < LEAST_PIXELS:
        return None
    inside, window = _overlap(layer.top, layer.left, layer.coverage.shape, *seen.shape)
    within = float(layer.coverage[window].sum())
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return SceneObject(
        label=int(layer.label or 0),
        box=(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1),
        mask=mask,
        truncated=within < _OCCLUDED_BELOW * whole,
        occluded=float(seen[inside].sum()) < _OCCLUDED_BELOW * within,
        difficult=part < DIFFICULT_BELOW,
    )


def _label_pixels(labels: list[int | None], dropped: list[bool], visible: npt.NDArray[np.float32]) -> Mask:
    """The class of each pixel plus 1, where one object or the background has nearly all of it, else 255."""
    height, width = visible.shape[1:]
    if not labels:
        return np.zeros((height, width), np.uint8)
    values = [IGNORE if gone else int(label or 0) + 1 for label, gone in zip(labels, dropped, strict=True)]
    front = np.array(values, np.uint8)[visible.argmax(axis=0)]
    background = visible.sum(axis=0) <= 1 - _CERTAIN
    return np.where(background, 0, np.where(visible.max(axis=0) >= _CERTAIN, front, IGNORE)).astype(np.uint8)


def _photograph(rng: np.random.Generator, canvas: Colours) -> Image:
    """Blur a third of the pictures a little, and add the noise of a sensor."""
    if rng.random() < 1 / 3:
        sharp = PillowImage.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
        canvas = np.asarray(sharp.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.8))), np.float32)
    noise = rng.standard_normal(canvas.shape, np.float32) * np.float32(rng.uniform(0, 8))
    image: Image = np.clip(np.rint(canvas + noise), 0, 255).astype(np.uint8)
    return image
