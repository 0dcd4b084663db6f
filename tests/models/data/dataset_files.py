"""Writes the files that data sets are made of, whole or damaged."""

from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

VOC_OBJECT = (
    "<object><name>{name}</name><difficult>{difficult}</difficult>"
    "<bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin><xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox>"
    "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>"
    "</object>"
)


def voc_object(name: str, corners: tuple[float, float, float, float], difficult: int = 0) -> str:
    xmin, ymin, xmax, ymax = corners
    return VOC_OBJECT.format(name=name, difficult=difficult, xmin=xmin, ymin=ymin, xmax=xmax, ymax=ymax)


def write_jpeg(
    path: Path, height: int = 6, width: int = 9, colour: tuple[int, int, int] = (10, 20, 30)
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    PillowImage.new("RGB", (width, height), colour).save(path, quality=95)


def write_png_mask(path: Path, mask: np.ndarray, mode: str = "P") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = PillowImage.fromarray(mask.astype(np.uint8), "L")
    if mode == "P":
        image.putpalette([value for index in range(256) for value in (index, 0, 255 - index)])
    image.save(path)


def truncate(path: Path, part: float = 0.5) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])
