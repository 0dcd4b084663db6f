"""VOC's and SBD's masks as one split: whose mask each image has, and what is left out or missing."""

from pathlib import Path

import numpy as np
import pytest
from dataset_files import truncate, write_jpeg, write_png_mask
from scipy.io import savemat

from models.data.train_aug import SPLIT, TrainAug
from models.data.voc import VocSegmentation
from models.errors import DataError

SBD_MASK = np.full((6, 9), 20, np.uint8)


@pytest.fixture
def sbd(voc: Path, tmp_path: Path) -> Path:
    """VOC trains on `a` and `b` and tests on `v`; SBD has `a` and `c` to train, `d` and `v` to test."""
    for name in ("v", "c", "d"):
        write_jpeg(voc / "JPEGImages" / f"{name}.jpg")
    write_png_mask(voc / "SegmentationClass/v.png", np.zeros((6, 9)))
    (voc / "ImageSets/Segmentation/val.txt").write_text("v\n")
    root = tmp_path / "benchmark_RELEASE/dataset"
    (root / "cls").mkdir(parents=True)
    for split, names in (("train", "ac"), ("val", "dv")):
        (root / f"{split}.txt").write_text("".join(f"{name}\n" for name in names))
        for name in names:
            write_jpeg(root / "img" / f"{name}.jpg")
            savemat(root / "cls" / f"{name}.mat", {"GTcls": {"Segmentation": SBD_MASK}})
    return root


def _make(voc: Path, sbd: Path) -> list[int]:
    parts = TrainAug(voc.parent, sbd.parent)
    parts.masks.mkdir()
    told: list[int] = []
    parts.write_masks(parts.masks, told.append)
    parts.write_list()
    return told


def test_vocs_own_masks_come_first_and_its_val_images_stay_out(voc: Path, sbd: Path) -> None:
    assert _make(voc, sbd) == [1, 2, 3, 4]
    data, own = VocSegmentation(voc, SPLIT), VocSegmentation(voc, "train")
    assert data.names == ("a", "b", "c", "d")
    for index in (0, 1):
        assert np.array_equal(data[index].mask, own[index].mask)
    for index in (2, 3):
        assert np.array_equal(data[index].mask, SBD_MASK)


def test_how_many_are_sbds(voc: Path, sbd: Path) -> None:
    assert TrainAug(voc, sbd).of_sbd == 2


def test_an_image_that_voc_lacks_is_named(voc: Path, sbd: Path) -> None:
    (voc / "JPEGImages/d.jpg").unlink()
    with pytest.raises(DataError, match=r"JPEGImages/d\.jpg, which .*1 of 2"):
        TrainAug(voc, sbd)


def test_an_image_in_both_lists_is_refused(voc: Path, sbd: Path) -> None:
    (sbd / "val.txt").write_text("c\nd\n")
    with pytest.raises(DataError, match="each image once"):
        TrainAug(voc, sbd)


def test_a_damaged_mask_is_named(voc: Path, sbd: Path) -> None:
    truncate(sbd / "cls/d.mat")
    with pytest.raises(DataError, match=r"d\.mat"):
        _make(voc, sbd)
    assert not (voc / "ImageSets/Segmentation/train_aug.txt").exists()
