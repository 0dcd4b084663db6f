"""Pictures of data and results: boxes with names, masks in VOC's colours, captions, sheets of images."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from models.data.palette import voc_palette
from models.data.samples import IGNORE, Image, Mask

_WHITE = (255, 255, 255)
_TEXT_PIXELS = 11


def draw_boxes(
    image: Image,
    boxes: npt.NDArray[np.float32],
    classes: npt.NDArray[np.int64],
    names: Sequence[str],
    scores: npt.NDArray[np.float32] | None = None,
) -> Image:
    """A copy of `image` with a frame and a name for each box.

    Args:
        image: uint8 RGB [H, W, 3].
        boxes: x1, y1, x2, y2 in pixels, [n, 4].
        classes: Indices into `names`, [n]; they also choose the colour, as in a mask with background first.
        names: The data set's classes.
        scores: 0 to 1, written behind the names, [n].
    """
    picture = PillowImage.fromarray(image)
    pen = ImageDraw.Draw(picture)
    font = ImageFont.load_default(_TEXT_PIXELS)
    palette = voc_palette()
    for number, (box, label) in enumerate(zip(boxes, classes, strict=True)):
        colour = tuple(int(value) for value in palette[label + 1])
        left, top, right, bottom = (float(side) for side in box)
        pen.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), outline=colour, width=2)
        text = names[label] if scores is None else f"{names[label]} {scores[number]:.2f}"
        width = pen.textlength(text, font=font)
        corner = (min(max(0, left), max(0, image.shape[1] - width)), max(0, top - _TEXT_PIXELS - 1))
        pen.rectangle((*corner, corner[0] + width, corner[1] + _TEXT_PIXELS + 1), fill=colour)
        pen.text(corner, text, fill=_WHITE, font=font, stroke_width=1, stroke_fill=(0, 0, 0))
    return np.asarray(picture)


def draw_mask(image: Image, mask: Mask, opacity: float = 0.6) -> Image:
    """A copy of `image` under the colours of `mask` [H, W]; background stays clear, 255 is white.

    Args:
        image: uint8 RGB [H, W, 3].
        mask: Class indices, 0 for background.
        opacity: Of the colours, 0 to 1.
    """
    palette = voc_palette()
    palette[IGNORE] = _WHITE
    weight = np.where(mask == 0, 0, opacity)[..., None]
    blended: Image = np.rint(image * (1 - weight) + palette[mask] * weight).astype(np.uint8)
    return blended


def draw_caption(image: Image, text: str, colour: tuple[int, int, int]) -> Image:
    """A copy of `image` above a strip with `text` in `colour`; what does not fit in its width is cut off."""
    height, width = image.shape[:2]
    picture = PillowImage.new("RGB", (width, height + _TEXT_PIXELS + 4), _WHITE)
    picture.paste(PillowImage.fromarray(image))
    font = ImageFont.load_default(_TEXT_PIXELS)
    ImageDraw.Draw(picture).text((2, height + 1), text, fill=colour, font=font)
    return np.asarray(picture)


def enlarge(image: Image, factor: int) -> Image:
    """Each pixel as a square of `factor` by `factor`."""
    return image.repeat(factor, axis=0).repeat(factor, axis=1)


def contact_sheet(images: Sequence[Image], columns: int, gap: int = 4) -> Image:
    """Images side by side in rows of `columns`, on white, `gap` pixels apart; at least one image."""
    height = max(image.shape[0] for image in images) + gap
    width = max(image.shape[1] for image in images) + gap
    rows = -(-len(images) // columns)
    sheet = np.full((rows * height + gap, min(columns, len(images)) * width + gap, 3), 255, np.uint8)
    for number, image in enumerate(images):
        top, left = gap + number // columns * height, gap + number % columns * width
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
    return sheet
