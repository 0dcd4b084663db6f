"""Writes scenes as COCO does: SPLIT/*.jpg and annotations/instances_SPLIT.json, masks as run lengths."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.data.shapes.scene import Scene

_SPLITS = ("train", "val")


class CocoWriter:
    """One folder with `annotations`, `train` and `val`, filled image by image.

    Category ids are 1 to the number of classes. A difficult object is written as a crowd, because that is
    how COCO marks what is neither learnt nor scored.
    """

    def __init__(self, root: Path, classes: Sequence[str], source: str) -> None:
        """Make the folders.

        Args:
            root: A folder without these folders.
            classes: Names, in the order of their indices.
            source: What the annotations describe themselves as, and the categories' common name.
        """
        self._root, self._source = root, source
        self._categories = [
            {"id": index + 1, "name": name, "supercategory": source} for index, name in enumerate(classes)
        ]
        self._images: dict[str, list[dict[str, Any]]] = {split: [] for split in _SPLITS}
        self._annotations: dict[str, list[dict[str, Any]]] = {split: [] for split in _SPLITS}
        self._count = 0
        for folder in (*_SPLITS, "annotations"):
            (root / folder).mkdir()

    def add(self, split: str, image: Path, scene: Scene) -> None:
        """Take in one scene; `image` is its JPEG file, which is linked, or copied where links cannot be."""
        _link(image, self._root / split / image.name)
        self._count += 1
        height, width = scene.image.shape[:2]
        self._images[split].append(
            {"id": self._count, "file_name": image.name, "height": height, "width": width}
        )
        annotations = self._annotations[split]
        for thing in scene.objects:
            left, top, right, bottom = thing.box
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": self._count,
                    "category_id": thing.label + 1,
                    "bbox": [left, top, right - left, bottom - top],
                    "area": int(thing.mask.sum()),
                    "iscrowd": int(thing.difficult),
                    "segmentation": {"size": [height, width], "counts": run_lengths(thing.mask)},
                }
            )

    def finish(self) -> None:
        """Write the annotation files."""
        for split in _SPLITS:
            content = {
                "info": {"description": self._source},
                "licenses": [],
                "categories": self._categories,
                "images": self._images[split],
                "annotations": self._annotations[split],
            }
            path = self._root / "annotations" / f"instances_{split}.json"
            path.write_text(json.dumps(content, separators=(",", ":")) + "\n", encoding="utf-8")


def run_lengths(mask: npt.NDArray[np.bool_]) -> list[int]:
    """COCO's uncompressed run-length code: column by column, lengths of runs of 0, of 1, of 0, ...

    The first run is of 0 and may be empty.
    """
    flat = np.concatenate([[False], mask.ravel(order="F"), [False]])
    changes = np.flatnonzero(flat[1:] != flat[:-1])
    # What the final False closed beyond the mask is no change inside it.
    ends = np.append(changes[changes < mask.size], mask.size)
    lengths: list[int] = np.diff(ends, prepend=0).tolist()
    return lengths


def _link(existing: Path, new: Path) -> None:
    try:
        os.link(existing, new)
    except OSError:
        # Some file systems have no hard links.
        shutil.copyfile(existing, new)
