"""VOC: boxes and masks as stored, lists in all their forms, and each missing file by its name."""

from pathlib import Path

import numpy as np
import pytest
from dataset_files import truncate, write_jpeg, write_png_mask

from models.data.samples import IGNORE, DetectionDataset, SegmentationDataset
from models.data.voc import VocDetection, VocSegmentation, voc_root
from models.data.voc_layout import VOC_CLASSES
from models.errors import DataError


def test_boxes_are_zero_based_and_half_open(voc: Path) -> None:
    data: DetectionDataset = VocDetection(voc, "train")
    sample = data[0]
    assert sample.name == "a"
    assert sample.target.boxes.tolist() == [[2, 1, 5, 3], [0, 0, 9, 6]]
    assert [data.classes[i] for i in sample.target.classes] == ["cat", "dog"]
    assert sample.target.difficult.tolist() == [False, True]
    assert sample.target.areas.tolist() == [6, 54]


def test_an_image_without_objects_has_empty_arrays(voc: Path) -> None:
    target = VocDetection(voc, "train").target(1)
    assert (target.boxes.shape, len(target), target.image_id) == ((0, 4), 0, 1)


def test_masks_have_background_first(voc: Path) -> None:
    data: SegmentationDataset = VocSegmentation(voc, "train")
    assert data.classes == ("background", *VOC_CLASSES)
    mask = data[0].mask
    assert data.classes[mask[1, 2]] == "cat"
    assert (mask[0, 0], mask[5, 5]) == (IGNORE, 0)


def test_the_root_is_found_from_above(voc: Path) -> None:
    assert voc_root(voc) == voc_root(voc.parent) == voc_root(voc.parent.parent) == voc
    write_jpeg(voc.parent / "VOC2007/JPEGImages/a.jpg")
    with pytest.raises(DataError, match="one year"):
        voc_root(voc.parent)
    with pytest.raises(DataError, match="JPEGImages"):
        voc_root(voc / "Annotations")


@pytest.mark.parametrize("folder", ["Segmentation", "SegmentationAug"])
@pytest.mark.parametrize("line", ["a", "/JPEGImages/a.jpg /SegmentationClassAug/a.png"])
def test_augmented_masks_have_their_own_folder(voc: Path, folder: str, line: str) -> None:
    write_png_mask(voc / "SegmentationClassAug/a.png", np.full((6, 9), 3), "L")
    (voc / "ImageSets" / folder).mkdir(exist_ok=True)
    (voc / "ImageSets" / folder / "train_aug.txt").write_text(f"{line}\n")
    data = VocSegmentation(voc, "train_aug")
    assert data.names == ("a",)
    assert (data[0].mask == 3).all()


def test_class_lists_name_the_classes(voc: Path) -> None:
    for name in ("dog", "cat", "train"):
        (voc / "ImageSets/Main" / f"{name}_train.txt").write_text("a  1\nb -1\n")
    data = VocDetection(voc, "train")
    assert data.classes == ("cat", "dog", "train")
    assert data.target(0).classes.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("gone", "reader"),
    [
        ("JPEGImages/b.jpg", VocDetection),
        ("Annotations/b.xml", VocDetection),
        ("JPEGImages/b.jpg", VocSegmentation),
        ("SegmentationClass/b.png", VocSegmentation),
    ],
)
def test_a_missing_file_is_named_at_once(
    voc: Path, gone: str, reader: type[VocDetection] | type[VocSegmentation]
) -> None:
    (voc / gone).unlink()
    with pytest.raises(DataError, match=rf"{gone}, which .*train\.txt lists; .*1 of 2"):
        reader(voc, "train")


def test_unknown_and_empty_splits_are_refused(voc: Path) -> None:
    with pytest.raises(DataError, match=r"test\.txt; got no file; choose one of train"):
        VocDetection(voc, "test")
    (voc / "ImageSets/Main/val.txt").write_text("\n")
    with pytest.raises(DataError, match="empty file"):
        VocDetection(voc, "val")


def test_damaged_files_are_named(voc: Path) -> None:
    truncate(voc / "JPEGImages/a.jpg")
    write_png_mask(voc / "SegmentationClass/b.png", np.zeros((5, 9)))
    with pytest.raises(DataError, match=r"JPEGImages/a\.jpg"):
        VocDetection(voc, "train")[0]
    with pytest.raises(DataError, match=r"SegmentationClass/b\.png; got 9x5"):
        VocSegmentation(voc, "train")[1]
