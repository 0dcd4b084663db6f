"""Small data sets in the real formats, written by hand."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_files import voc_object, write_jpeg, write_png_mask


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """VOC with two images of 6x9 pixels, `a` and `b`, in the split `train`, with VOC's own classes."""
    root = tmp_path / "VOCdevkit/VOC2012"
    mask = np.zeros((6, 9), np.uint8)
    mask[1:3, 2:5], mask[0, 0] = 8, 255
    objects = voc_object("cat", (3, 2, 5, 3)) + voc_object("dog", (1, 1, 9, 6), difficult=1)
    for name, content in (("a", objects), ("b", "")):
        write_jpeg(root / "JPEGImages" / f"{name}.jpg")
        write_png_mask(root / "SegmentationClass" / f"{name}.png", mask)
        annotation = root / "Annotations" / f"{name}.xml"
        annotation.parent.mkdir(exist_ok=True)
        annotation.write_text(f"<annotation>{content}</annotation>")
    for kind in ("Main", "Segmentation"):
        (root / "ImageSets" / kind).mkdir(parents=True)
        (root / "ImageSets" / kind / "train.txt").write_text("a\nb\n")
    return root


@pytest.fixture
def write_coco(tmp_path: Path) -> Callable[..., Path]:
    """Writes COCO with categories 3 (cat) and 7 (dog), images 11 and 12 (6x9 pixels), any annotations."""

    def write(*annotations: dict[str, Any]) -> Path:
        images = [
            {"id": number, "file_name": f"{number:012}.jpg", "height": 6, "width": 9} for number in (11, 12)
        ]
        content = {
            "images": images,
            "annotations": [{"id": index, **entry} for index, entry in enumerate(annotations)],
            "categories": [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}],
        }
        (tmp_path / "annotations").mkdir(exist_ok=True)
        (tmp_path / "annotations/instances_val2017.json").write_text(json.dumps(content))
        for image in images:
            write_jpeg(tmp_path / "val2017" / str(image["file_name"]))
        return tmp_path

    return write
