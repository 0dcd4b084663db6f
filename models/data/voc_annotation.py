"""Reads one annotation file of PASCAL VOC: the objects of an image, as XML."""

import math
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from models.data.samples import DetectionTarget
from models.errors import DataError


def read_annotation(path: Path, class_index: Mapping[str, int], image_id: int) -> DetectionTarget:
    """The boxes of `<object>` elements; parts of persons (`<part>`) are left out.

    VOC counts pixels from 1 and both ends inclusive, so a box is (xmin - 1, ymin - 1, xmax, ymax) here. A
    few of its coordinates are fractions.

    Raises:
        DataError: The file is missing or no such XML, a class is unknown, or a box has no area.
    """
    try:
        objects = ElementTree.parse(path).getroot().findall("object")
    except FileNotFoundError as error:
        raise DataError(f"expected an annotation at {path}; got no file; copy the data set again") from error
    except (OSError, ElementTree.ParseError) as error:
        raise DataError(
            f"expected an annotation as XML in {path}; got '{error}'; the file is damaged, copy it again"
        ) from error
    boxes, classes, difficult = [], [], []
    for element in objects:
        name = (element.findtext("name") or "").strip()
        if name not in class_index:
            raise DataError(
                f"expected one of {len(class_index)} classes ({', '.join(class_index)}) in {path}; got "
                f"'{name}'; name the classes of this data set"
            )
        boxes.append(_box(element, path))
        classes.append(class_index[name])
        difficult.append((element.findtext("difficult") or "0").strip() == "1")
    corners = np.array(boxes, np.float32).reshape(-1, 4)
    return DetectionTarget(
        boxes=corners,
        classes=np.array(classes, np.int64),
        difficult=np.array(difficult, np.bool_),
        areas=(corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1]),
        image_id=image_id,
    )


def _box(element: ElementTree.Element, path: Path) -> tuple[float, float, float, float]:
    texts = [element.findtext(f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax")]
    try:
        xmin, ymin, xmax, ymax = (float(text or "nothing") for text in texts)
    except ValueError as error:
        raise DataError(f"expected four numbers in each bndbox of {path}; got {texts}; correct it") from error
    if not (all(map(math.isfinite, (xmin, ymin, xmax, ymax))) and xmax > xmin - 1 and ymax > ymin - 1):
        raise DataError(
            f"expected boxes with an area in {path}; got x {xmin:g} to {xmax:g}, y {ymin:g} to {ymax:g}; "
            "remove or correct the object"
        )
    return xmin - 1, ymin - 1, xmax, ymax
