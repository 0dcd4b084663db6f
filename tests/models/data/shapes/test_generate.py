"""Whole data sets: the real readers read back what was drawn, and a seed decides every byte."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from models.data.coco import CocoDetection
from models.data.image_folder import ImageFolder
from models.data.samples import IGNORE
from models.data.shapes.generate import ABOUT, Plan, write_classification, write_scenes
from models.data.shapes.outlines import SHAPES
from models.data.voc import VocDetection, VocSegmentation
from models.errors import DataError, UnknownNameError


def plan(**changes: int | str) -> Plan:
    return Plan(**{"kind": "shapes", "train": 12, "val": 10, "size": 64, "seed": 3} | changes)  # type: ignore[arg-type]


def made(out: Path, *, classification: bool = False, **changes: int | str) -> Path:
    out.mkdir()
    (write_classification if classification else write_scenes)(out, plan(**changes))
    return out


def digests(root: Path) -> dict[str, str]:
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("scenes") / "out")


@pytest.mark.parametrize("split", ["train", "val"])
def test_voc_and_coco_read_the_same_scenes(scenes: Path, split: str) -> None:
    voc, coco = VocDetection(scenes, split), CocoDetection(scenes, split)
    assert voc.classes == coco.classes == SHAPES
    assert len(voc) == len(coco) == {"train": 12, "val": 10}[split]
    assert coco.skipped_boxes == 0
    for index in range(len(voc)):
        one, other = voc[index], coco[index]
        assert f"{one.name}.jpg" == other.name
        assert np.array_equal(one.image, other.image)
        assert np.array_equal(one.target.boxes, other.target.boxes)
        assert np.array_equal(one.target.classes, other.target.classes)
        assert np.array_equal(one.target.difficult, other.target.difficult)
        assert (other.target.areas <= one.target.areas).all()


def test_masks_agree_with_boxes(scenes: Path) -> None:
    boxes, masks = VocDetection(scenes, "train"), VocSegmentation(scenes, "train")
    assert masks.classes == ("background", *SHAPES)
    assert masks.names == boxes.names
    labelled = 0
    for index in range(len(masks)):
        mask, target = masks[index].mask, boxes.target(index)
        outside = np.ones_like(mask, bool)
        for x1, y1, x2, y2 in target.boxes.astype(int):
            outside[y1:y2, x1:x2] = False
        assert set(np.unique(mask[outside]).tolist()) <= {0, IGNORE}
        assert set(np.unique(mask).tolist()) - {0, IGNORE} <= set((target.classes + 1).tolist())
        labelled += int((mask != IGNORE).sum())
    assert labelled > 0.85 * 12 * 64 * 64


def test_run_lengths_are_the_areas(scenes: Path) -> None:
    content = json.loads((scenes / "annotations/instances_val.json").read_text())
    for entry in content["annotations"]:
        assert sum(entry["segmentation"]["counts"][1::2]) == entry["area"]
        assert sum(entry["segmentation"]["counts"]) == 64 * 64
    assert set(CocoDetection(scenes, "val").image_ids).isdisjoint(CocoDetection(scenes, "train").image_ids)


# pycocotools answers NumPy's request for an array in the way of NumPy 1.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_cocos_own_tool_reads_the_masks(scenes: Path) -> None:
    from pycocotools.coco import COCO

    tool = COCO(scenes / "annotations/instances_train.json")
    data = CocoDetection(scenes, "train")
    for index, image_id in enumerate(data.image_ids):
        entries = tool.loadAnns(tool.getAnnIds(imgIds=[image_id]))
        assert [entry["id"] for entry in entries] == sorted(entry["id"] for entry in entries)
        for entry, (x1, y1, x2, y2) in zip(entries, data.target(index).boxes.astype(int), strict=True):
            mask = tool.annToMask(entry).astype(bool)
            assert mask.sum() == mask[y1:y2, x1:x2].sum() == entry["area"]
            assert mask[:, x1].any() and mask[:, x2 - 1].any() and mask[y1].any() and mask[y2 - 1].any()


def test_class_lists_say_what_is_there(scenes: Path) -> None:
    voc = VocDetection(scenes, "val")
    folder = scenes / "VOCdevkit/VOC2012/ImageSets/Main"
    for label, name in enumerate(SHAPES):
        flags = [line.split() for line in (folder / f"{name}_val.txt").read_text().splitlines()]
        assert [name for name, _ in flags] == list(voc.names)
        targets = [voc.target(index) for index in range(len(voc))]
        present = [bool(((target.classes == label) & ~target.difficult).any()) for target in targets]
        assert [int(flag) == 1 for _, flag in flags] == present
    assert len((folder / "trainval.txt").read_text().splitlines()) == 22


def test_the_same_seed_makes_the_same_bytes(scenes: Path, tmp_path: Path) -> None:
    expected = digests(scenes)
    assert digests(made(tmp_path / "again")) == expected
    other = digests(made(tmp_path / "other", seed=4))
    assert other.keys() == expected.keys()
    jpegs = [name for name in expected if name.endswith(".jpg")]
    assert not any(expected[name] == other[name] for name in jpegs)
    longer = digests(made(tmp_path / "longer", train=13))
    assert all(longer[name] == expected[name] for name in jpegs), "an image depends on its own number alone"


def test_digits_too(tmp_path: Path) -> None:
    voc = VocDetection(made(tmp_path / "out", kind="digits"), "train")
    assert voc.classes == tuple("0123456789")
    assert sum(len(voc.target(index)) for index in range(len(voc))) > 12


@pytest.mark.parametrize("kind", ["shapes", "digits"])
def test_classification_is_balanced(tmp_path: Path, kind: str) -> None:
    root = made(tmp_path / "out", classification=True, kind=kind, train=20)
    train, val = ImageFolder(root, "train"), ImageFolder(root, "val")
    assert np.bincount(train.labels).tolist() == [2] * 10
    assert np.bincount(val.labels).tolist() == [1] * 10
    assert train[0].image.shape == (64, 64, 3)
    assert json.loads((root / ABOUT).read_text())["kind"] == kind
    again = made(tmp_path / "again", classification=True, kind=kind, train=20)
    assert digests(again) == digests(root)


def test_progress_counts_every_image(tmp_path: Path) -> None:
    seen: list[int] = []
    write_scenes(tmp_path, plan(train=2, val=1), seen.append)
    assert seen == [1, 2, 3]


@pytest.mark.parametrize("changes", [{"train": 0}, {"val": 0}, {"size": 47}, {"seed": -1}])
def test_numbers_out_of_range_are_refused(changes: dict[str, int]) -> None:
    with pytest.raises(DataError, match="at least 1 image"):
        plan(**changes)


def test_unknown_kinds_and_classes_without_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="shapes"):
        plan(kind="shape")
    with pytest.raises(DataError, match="one for each class"):
        write_classification(tmp_path, plan(val=9))
