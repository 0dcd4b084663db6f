"""SBD's MATLAB masks, and what is no such mask."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dataset_files import truncate, write_jpeg
from scipy.io import savemat

from models.data.sbd import SbdSegmentation, sbd_root
from models.errors import DataError

MASK = np.zeros((6, 9), np.uint8)
MASK[2:4, 3:] = 20


def write(root: Path, content: dict[str, Any]) -> Path:
    for name in ("a", "b"):
        write_jpeg(root / "img" / f"{name}.jpg")
        (root / "cls").mkdir(exist_ok=True)
        savemat(root / "cls" / f"{name}.mat", content)
    (root / "train.txt").write_text("a\nb\n")
    return root


def test_masks_are_read(tmp_path: Path) -> None:
    data = SbdSegmentation(write(tmp_path, {"GTcls": {"Segmentation": MASK}}), "train")
    assert (len(data), data[1].name) == (2, "b")
    assert np.array_equal(data[0].mask, MASK)


def test_ids_can_be_left_out(tmp_path: Path) -> None:
    data = SbdSegmentation(
        write(tmp_path, {"GTcls": {"Segmentation": MASK}}), "train", without=frozenset({"a"})
    )
    assert data.names == ("b",)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"GTinst": {"Segmentation": MASK}}, "no mask of SBD"),
        ({"GTcls": {"Segmentation": MASK.astype(np.float64)}}, "uint8"),
        ({"GTcls": {"Segmentation": MASK + 5}}, "classes 0 to 20"),
        ({"GTcls": {"Segmentation": MASK[:5]}}, "9x6 pixels"),
    ],
)
def test_faulty_masks_name_the_file(tmp_path: Path, content: dict[str, Any], complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as raised:
        SbdSegmentation(write(tmp_path, content), "train")[0]
    assert "a.mat" in str(raised.value)


def test_a_truncated_mask_names_the_file(tmp_path: Path) -> None:
    root = write(tmp_path, {"GTcls": {"Segmentation": MASK}})
    truncate(root / "cls/b.mat")
    with pytest.raises(DataError, match=r"b\.mat"):
        SbdSegmentation(root, "train")[1]


def test_the_root_is_found_from_above(tmp_path: Path) -> None:
    root = write(tmp_path / "benchmark_RELEASE/dataset", {"GTcls": {"Segmentation": MASK}})
    assert sbd_root(root) == sbd_root(root.parent) == sbd_root(tmp_path) == root
    with pytest.raises(DataError, match="benchmark_RELEASE/dataset/cls"):
        sbd_root(root / "img")
