"""One folder a class: order, splits that share their numbers, and what is missing."""

from pathlib import Path

import pytest
from dataset_files import write_jpeg

from models.data.image_folder import ImageFolder
from models.errors import DataError


@pytest.fixture
def imagenet(tmp_path: Path) -> Path:
    for file in (
        "train/n02/b.JPEG",
        "train/n01/z.JPEG",
        "train/n02/a.jpg",
        "train/n03/c.png",
        "val/n03/v.JPEG",
    ):
        write_jpeg(tmp_path / file, colour=(200, 0, 0))
    return tmp_path


def test_classes_and_files_are_sorted(imagenet: Path) -> None:
    data = ImageFolder(imagenet, "train")
    assert data.classes == ("n01", "n02", "n03")
    assert [(data[i].name, data[i].label) for i in range(len(data))] == [
        ("train/n01/z.JPEG", 0),
        ("train/n02/a.jpg", 1),
        ("train/n02/b.JPEG", 1),
        ("train/n03/c.png", 2),
    ]
    assert data.labels == [0, 1, 1, 2]
    assert data[0].image.shape == (6, 9, 3)


def test_splits_number_their_classes_alike(imagenet: Path) -> None:
    data = ImageFolder(imagenet, "val")
    assert (len(data), data.labels, data.classes[2]) == (1, [2], "n03")


def test_a_flat_folder_needs_no_split(imagenet: Path) -> None:
    assert len(ImageFolder(imagenet / "train")) == 4


def test_a_class_unknown_to_training_is_refused(imagenet: Path) -> None:
    write_jpeg(imagenet / "val/n04/w.JPEG")
    with pytest.raises(DataError, match="n04"):
        ImageFolder(imagenet, "val")


def test_missing_and_empty_folders_are_named(imagenet: Path) -> None:
    (imagenet / "train/n05").mkdir()
    (imagenet / "bare").mkdir()
    with pytest.raises(DataError, match=r"train/n05; got none"):
        ImageFolder(imagenet, "train")
    with pytest.raises(DataError, match="test; got none"):
        ImageFolder(imagenet, "test")
    with pytest.raises(DataError, match="bare; got none"):
        ImageFolder(imagenet / "bare")
