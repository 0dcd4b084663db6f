"""Pictures of single images: what is true, what the device found, and what PyTorch found, side by side."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image as PillowImage
from PIL import ImageDraw, ImageFont

from groupnet.errors import OutputFolderError
from groupnet.scoring.answer_batch import Answer
from models.data.draw import contact_sheet, draw_boxes, draw_mask, enlarge
from models.detection.detections import Detections
from models.scoring.by_task import ScaledObjects

Image = npt.NDArray[np.uint8]

_SHOWN = 224  # pixels from which on names of classes are legible
_CAPTION = 16
_MIN_SCORE = 0.3  # boxes below are noise to the eye


def draw_answer(task: str, pixels: Image, answer: Answer, classes: tuple[str, ...]) -> Image:
    """One picture for an image.

    Args:
        task: The network's.
        pixels: As the network gets them, uint8 [S, S, C], grey or colour.
        answer: What is true and what was found.
        classes: The data set's names, or none.

    Returns:
        uint8 RGB, the image once for the truth, for the device, and for PyTorch where it ran.
    """
    sides = {"true": answer.truth, "device": answer.found, "PyTorch": answer.expected}
    panels = [
        _captioned(*_draw(task, pixels, name, side, answer, classes))
        for name, side in sides.items()
        if side is not None
    ]
    return contact_sheet(panels, columns=len(panels))


def save_picture(picture: Image, path: Path) -> None:
    """Write a PNG; raises OutputFolderError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        PillowImage.fromarray(picture).save(path, format="PNG", optimize=True)
    except OSError as exc:
        raise OutputFolderError(
            f"expected to write {path}; got '{exc.strerror or exc}': name a writable folder"
        ) from exc


def _draw(
    task: str, pixels: Image, name: str, side: Any, answer: Answer, classes: tuple[str, ...]
) -> tuple[Image, str]:
    """The image with one side drawn into it, and what stands below."""
    factor = max(1, _SHOWN // pixels.shape[0])
    image = enlarge(np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels, factor)
    if task == "classification":
        return image, f"{name}: {_class_text(side, classes)}"
    if task == "segmentation":
        drawn = draw_mask(image, side.repeat(factor, 0).repeat(factor, 1))
        found = [classes[label] if classes else str(label) for label in np.unique(side) if 0 < label < 255]
        return drawn, f"{name}: {', '.join(found) or 'background'}"
    names = classes or tuple(map(str, range(1000)))
    scale = factor / answer.truth.scale
    if isinstance(side, ScaledObjects):
        boxes, kinds, scores = side.truth.boxes, side.truth.classes, None
    else:
        detections: Detections = side
        sure = detections.scores >= _MIN_SCORE
        boxes, kinds, scores = detections.boxes[sure], detections.classes[sure], detections.scores[sure]
    drawn = draw_boxes(image, boxes * np.float32(scale), kinds, names, scores)
    return drawn, f"{name}: {len(boxes)} object{'s' * (len(boxes) != 1)}"


def _class_text(side: Any, classes: tuple[str, ...]) -> str:
    if isinstance(side, int):
        return classes[side] if classes else str(side)
    logits = side - side.max()
    shares = np.exp(logits) / np.exp(logits).sum()
    best = int(shares.argmax())
    return f"{classes[best] if classes else best} {shares[best]:.0%}"


def _captioned(image: Image, text: str) -> Image:
    height, width, _ = image.shape
    picture = PillowImage.new("RGB", (width, height + _CAPTION), "white")
    picture.paste(PillowImage.fromarray(image), (0, 0))
    font = ImageFont.load_default(12)
    ImageDraw.Draw(picture).text((2, height + 1), text, fill=(0, 0, 0), font=font)
    return np.asarray(picture)
