"""COCO: ids with gaps, crowds, images without objects, boxes without area, and damaged files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from dataset_files import truncate, write_jpeg

from models.data.coco import CocoDetection
from models.data.samples import DetectionDataset
from models.errors import DataError

WriteCoco = Callable[..., Path]

CAT = {"image_id": 11, "category_id": 3, "bbox": [1, 2, 3.5, 2], "area": 5.5, "iscrowd": 0}
CROWD = {"image_id": 11, "category_id": 7, "bbox": [0, 0, 9, 6], "area": 30, "iscrowd": 1}


def test_categories_become_indices_and_boxes_corners(write_coco: WriteCoco) -> None:
    reader = CocoDetection(write_coco(CAT, CROWD), "val2017")
    data: DetectionDataset = reader
    sample = data[0]
    assert (reader.classes, reader.category_ids) == (("cat", "dog"), (3, 7))
    assert sample.target.boxes.tolist() == [[1, 2, 4.5, 4], [0, 0, 9, 6]]
    assert sample.target.classes.tolist() == [0, 1]
    assert sample.target.difficult.tolist() == [False, True]
    assert sample.target.areas.tolist() == [5.5, 30]
    assert (sample.target.image_id, sample.name, sample.image.shape) == (11, "000000000011.jpg", (6, 9, 3))


def test_images_without_objects_stay_or_go(write_coco: WriteCoco) -> None:
    root = write_coco(CAT)
    every, some = CocoDetection(root, "val2017"), CocoDetection(root, "val2017", keep_empty=False)
    assert (every.image_ids, some.image_ids) == ((11, 12), (11,))
    assert every.target(1).boxes.shape == (0, 4)


@pytest.mark.parametrize("bbox", [[1, 1, 0, 3], [1, 1, 3, 0], [4, 4, -1, 2]])
def test_boxes_without_area_are_skipped_and_counted(write_coco: WriteCoco, bbox: list[float]) -> None:
    data = CocoDetection(write_coco(CAT, CAT | {"bbox": bbox}), "val2017")
    assert (len(data.target(0)), data.skipped_boxes) == (1, 1)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"category_id": 4}, "listed category; got 4"),
        ({"image_id": 13}, "listed image; got 13"),
        ({"bbox": [1, 2, 3]}, "x, y, width, height"),
        ({"bbox": [1, 2, 3, float("nan")]}, "x, y, width, height"),
        ({"bbox": None}, "COCO's fields"),
    ],
)
def test_faulty_annotations_name_file_and_number(
    write_coco: WriteCoco, change: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(DataError, match=complaint) as raised:
        CocoDetection(write_coco(CAT, CAT | change), "val2017")
    assert "instances_val2017.json" in str(raised.value)


def test_truncated_missing_and_foreign_json(write_coco: WriteCoco) -> None:
    root = write_coco(CAT)
    path = root / "annotations/instances_val2017.json"
    with pytest.raises(DataError, match=r"instances_train2017\.json; got no file"):
        CocoDetection(root, "train2017")
    truncate(path)
    with pytest.raises(DataError, match="truncated or damaged"):
        CocoDetection(root, "val2017")
    path.write_text("[]")
    with pytest.raises(DataError, match="one JSON object"):
        CocoDetection(root, "val2017")
    path.write_text("{}")
    with pytest.raises(DataError, match="COCO's fields"):
        CocoDetection(root, "val2017")


def test_missing_damaged_and_foreign_images_are_named(write_coco: WriteCoco) -> None:
    root = write_coco(CAT)
    data = CocoDetection(root, "val2017")
    truncate(root / "val2017/000000000011.jpg")
    with pytest.raises(DataError, match=r"0011\.jpg.*copy it again"):
        data[0]
    write_jpeg(root / "val2017/000000000012.jpg", 7, 9)
    with pytest.raises(DataError, match=r"9x6 pixels.*0012\.jpg; got 9x7"):
        data[1]
    (root / "val2017/000000000012.jpg").unlink()
    with pytest.raises(DataError, match=r"0012\.jpg, which .*1 of 2"):
        CocoDetection(root, "val2017")
