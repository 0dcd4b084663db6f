"""Makes whole data sets of scenes: the same seed gives the same bytes of every file."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from models.data.shapes.backgrounds import CREDITS
from models.data.shapes.glyphs import KINDS, Kind, Split
from models.data.shapes.scene import draw_scene, draw_single
from models.data.shapes.write_coco import CocoWriter
from models.data.shapes.write_voc import JPEG_QUALITY, VocWriter
from models.errors import DataError, UnknownNameError

ABOUT = "about.json"
"""The file that says how a data set was made."""

LEAST_SIZE = 48

_FORMAT = "groupnet-scenes-1"
_SPLIT_NUMBER = {"train": 0, "val": 1}
_SCENES, _SINGLES = 0, 1

Progress = Callable[[int], None]
"""Called with the number of images written so far."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What to make.

    Attributes:
        kind: `shapes` or `digits`.
        train: Images to train with.
        val: Images to test with, from other parts of the photographs (and other digits).
        size: Height and width in pixels.
        seed: 0 or more; each image follows from kind, seed, split, size and its number alone.
    """

    kind: str
    train: int
    val: int
    size: int
    seed: int

    def __post_init__(self) -> None:
        """Check the numbers.

        Raises:
            UnknownNameError: There is no such kind.
            DataError: A number is out of range.
        """
        if self.kind not in KINDS:
            raise UnknownNameError("kind of scene", self.kind, KINDS)
        if self.train < 1 or self.val < 1 or self.size < LEAST_SIZE or self.seed < 0:
            raise DataError(
                f"expected at least 1 image a split, {LEAST_SIZE} pixels and a seed from 0; got {self.train} "
                f"and {self.val} images, {self.size} pixels and seed {self.seed}; correct them"
            )


def write_scenes(out: Path, plan: Plan, progress: Progress | None = None) -> None:
    """Scenes of several objects with boxes and masks, as VOC and as COCO at once.

    OUT/VOCdevkit/VOC2012 is read by `VocDetection` and `VocSegmentation`, OUT by `CocoDetection`, both with
    the splits `train` and `val`. The JPEG files of both are the same files.

    Args:
        out: An existing, empty folder.
        plan: What to make.
        progress: Called after each image.
    """
    kind = KINDS[plan.kind]
    voc = VocWriter(out / "VOCdevkit/VOC2012", kind.classes, plan.kind)
    coco = CocoWriter(out, kind.classes, plan.kind)
    for done, (split, number) in enumerate(_numbers(plan), start=1):
        scene = draw_scene(_generator(plan, _SCENES, split, number), kind, plan.size, split)
        coco.add(split, voc.add(split, f"{split}_{number:06}", scene), scene)
        if progress is not None:
            progress(done)
    voc.finish()
    coco.finish()
    _write_about(out, plan, kind, "scenes")


def write_classification(out: Path, plan: Plan, progress: Progress | None = None) -> None:
    """Pictures of one object each, in a folder a class: OUT/{train,val}/CLASS/*.jpg; read by `ImageFolder`.

    Classes take turns, so that they are equally frequent.

    Args:
        out: An existing, empty folder.
        plan: What to make; at least as many images a split as classes.
        progress: Called after each image.

    Raises:
        DataError: There would be classes without images.
    """
    kind = KINDS[plan.kind]
    if min(plan.train, plan.val) < len(kind.classes):
        raise DataError(
            f"expected at least {len(kind.classes)} images a split, one for each class; got {plan.train} and "
            f"{plan.val}; ask for more"
        )
    for split in _SPLIT_NUMBER:
        for name in kind.classes:
            (out / split / name).mkdir(parents=True)
    for done, (split, number) in enumerate(_numbers(plan), start=1):
        label = number % len(kind.classes)
        image = draw_single(_generator(plan, _SINGLES, split, number), kind, label, plan.size, split)
        path = out / split / kind.classes[label] / f"{number:06}.jpg"
        PillowImage.fromarray(image).save(path, quality=JPEG_QUALITY)
        if progress is not None:
            progress(done)
    _write_about(out, plan, kind, "classification")


def _numbers(plan: Plan) -> list[tuple[Split, int]]:
    train: list[tuple[Split, int]] = [("train", number) for number in range(plan.train)]
    return train + [("val", number) for number in range(plan.val)]


def _generator(plan: Plan, task: int, split: Split, number: int) -> np.random.Generator:
    return np.random.default_rng([task, _SPLIT_NUMBER[split], plan.seed, number])


def _write_about(out: Path, plan: Plan, kind: Kind, task: str) -> None:
    about = {
        "format": _FORMAT,
        "kind": plan.kind,
        "task": task,
        "classes": kind.classes,
        "images": {"train": plan.train, "val": plan.val},
        "size": plan.size,
        "seed": plan.seed,
        "photographs": CREDITS,
    }
    (out / ABOUT).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
