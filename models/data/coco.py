"""Reads COCO's detection format (Lin et al., ECCV 2014): annotations/instances_SPLIT.json and SPLIT/*.jpg."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from models.data.image_file import read_image
from models.data.samples import DetectionSample, DetectionTarget
from models.errors import DataError


class CocoDetection:
    """Images and boxes of a split such as `train2017`, in the file's order.

    Attributes:
        classes: Names, in the order of COCO's category ids.
        category_ids: COCO's id of each class (1 to 90 with gaps, for its 80 classes); results are written
            with it.
        image_ids: COCO's id of each image.
        skipped_boxes: Annotations left out because their box has no area, as COCO's own tools do.
    """

    def __init__(self, root: Path, split: str, *, keep_empty: bool = True) -> None:
        """Read the whole annotation file.

        Args:
            root: The folder with `annotations`.
            split: Part of the names `annotations/instances_SPLIT.json` and `SPLIT/`.
            keep_empty: Whether images without objects stay; scores need them, training usually drops them.

        Raises:
            DataError: The file is missing or damaged, an annotation names an unknown image or class or has
                no sane box, or an image is missing.
        """
        path = root / "annotations" / f"instances_{split}.json"
        self._folder = root / split
        content = _read_json(path)
        try:
            categories = sorted((int(entry["id"]), str(entry["name"])) for entry in content["categories"])
            images = {int(entry["id"]): entry for entry in content["images"]}
            self.category_ids = tuple(number for number, _ in categories)
            self.classes = tuple(name for _, name in categories)
            grouped = _group(content["annotations"], images, self.category_ids, path)
            files = {
                number: (str(entry["file_name"]), int(entry["height"]), int(entry["width"]))
                for number, entry in images.items()
            }
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"expected COCO's fields in {path}; got {type(error).__name__} for {error}; it is damaged or "
                "of another format"
            ) from error
        self._targets = {number: _target(number, entries) for number, entries in grouped.items()}
        self.skipped_boxes = len(content["annotations"]) - sum(map(len, self._targets.values()))
        self.image_ids = tuple(n for n in files if keep_empty or len(self._targets[n]))
        self._files = [files[number] for number in self.image_ids]
        self._check_images(path)

    def __len__(self) -> int:
        """Number of images."""
        return len(self._files)

    def __getitem__(self, index: int) -> DetectionSample:
        """Decode image `index`.

        Raises:
            DataError: The file is damaged, or not of the size that the annotations were made for.
        """
        name, height, width = self._files[index]
        image = read_image(self._folder / name)
        if image.shape[:2] != (height, width):
            raise DataError(
                f"expected {width}x{height} pixels, as annotated, in {self._folder / name}; got "
                f"{image.shape[1]}x{image.shape[0]}; use the images that belong to the annotations"
            )
        return DetectionSample(image, self.target(index), name)

    def target(self, index: int) -> DetectionTarget:
        """The boxes of image `index`."""
        return self._targets[self.image_ids[index]]

    def _check_images(self, listed_in: Path) -> None:
        # One listing is far faster than a look at each of 118,000 files.
        present = {path.name for path in self._folder.iterdir()} if self._folder.is_dir() else set()
        names = [name for name, _, _ in self._files]
        missing = [name for name in names if name not in present and not (self._folder / name).is_file()]
        if missing:
            raise DataError(
                f"expected {self._folder / missing[0]}, which {listed_in} lists; got no such file "
                f"({len(missing)} of {len(self)} are missing); copy the images again"
            )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise DataError(
            f"expected COCO's annotations at {path}; got no file; check the folder and the split"
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(
            f"expected COCO's annotations in {path}; got '{error}'; the file is truncated or damaged, copy "
            "it again"
        ) from error
    if not isinstance(content, dict):
        raise DataError(
            f"expected one JSON object in {path}; got a {type(content).__name__}; use an instances_*.json"
        )
    return content


_Entry = tuple[list[float], int, bool, float]
"""Box as x, y, width, height; class; crowd; area."""


def _group(
    annotations: list[dict[str, Any]], images: dict[int, Any], category_ids: tuple[int, ...], path: Path
) -> dict[int, list[_Entry]]:
    """The usable annotations of each image, with COCO's category ids replaced by indices from 0."""
    class_index = {number: index for index, number in enumerate(category_ids)}
    grouped: dict[int, list[_Entry]] = {number: [] for number in images}
    for entry in annotations:
        image_id, category = int(entry["image_id"]), int(entry["category_id"])
        if image_id not in grouped or category not in class_index:
            kind, number = ("category", category) if image_id in grouped else ("image", image_id)
            raise DataError(
                f"expected annotation {entry['id']} of {path} to name a listed {kind}; got {number}; the "
                "file is inconsistent, take the original"
            )
        box = [float(value) for value in entry["bbox"]]
        if len(box) != 4 or not all(map(math.isfinite, box)):
            raise DataError(
                f"expected x, y, width, height in annotation {entry['id']} of {path}; got {entry['bbox']}; "
                "correct it"
            )
        if box[2] > 0 and box[3] > 0:
            area = float(entry.get("area", box[2] * box[3]))
            grouped[image_id].append((box, class_index[category], bool(entry.get("iscrowd", 0)), area))
    return grouped


def _target(image_id: int, entries: list[_Entry]) -> DetectionTarget:
    boxes = np.array([box for box, _, _, _ in entries], np.float64).reshape(-1, 4)
    boxes[:, 2:] += boxes[:, :2]
    return DetectionTarget(
        boxes=boxes.astype(np.float32),
        classes=np.array([label for _, label, _, _ in entries], np.int64),
        difficult=np.array([crowd for _, _, crowd, _ in entries], np.bool_),
        areas=np.array([area for _, _, _, area in entries], np.float32),
        image_id=image_id,
    )
