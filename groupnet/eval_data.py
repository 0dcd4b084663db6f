"""Data sets to score with: from `--data` to images as a bundle takes them, and what is true of each."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from groupnet.errors import EvaluationError
from groupnet.manifest import Manifest
from models.task_config import NetworkConfig

if TYPE_CHECKING:
    from models.scoring.by_task import Rows

DataFormat = Literal["images", "voc", "coco"]
"""A folder per class (as ImageNet), PASCAL VOC, or COCO."""

Array = npt.NDArray[Any]

_FORMATS: dict[str, tuple[DataFormat, ...]] = {
    "classification": ("images",),
    "segmentation": ("voc",),
    "detection": ("coco", "voc"),
}


@dataclass(frozen=True)
class EvalData:
    """Images in a bundle's size and their truths, read when they are asked for.

    Attributes:
        name: What the result says was scored on.
        classes: Names of the classes; empty where the data set has none.
        count: Number of images.
        fingerprint: Another one where a file of the data set has changed, see `fingerprint`.
        read: Images by their numbers, uint8 [N, S, S, C], and their class numbers, masks or objects.
    """

    name: str
    classes: tuple[str, ...]
    count: int
    fingerprint: str
    read: "Callable[[Sequence[int]], tuple[Array, Rows]]"


def open_eval_data(
    manifest: Manifest,
    config: NetworkConfig,
    data: str,
    *,
    data_format: DataFormat | None,
    split: str,
    limit: int | None,
) -> EvalData:
    """Open the data set that `data` names for the network of a bundle.

    Args:
        manifest: The bundle's.
        config: The network's description.
        data: `digits`, or a folder.
        data_format: What the folder is; None looks at it.
        split: Which of the folder's images.
        limit: Only so many images; None takes all.

    Raises:
        EvaluationError: The data set is of another kind than the network, or has other classes.
        DataError: The folder or a file in it is missing or damaged.
    """
    opened = (
        _digits(manifest) if data == "digits" else _folder(manifest, config, Path(data), data_format, split)
    )
    if opened.classes and manifest.labels and opened.classes != manifest.labels:
        raise EvaluationError(
            f"expected the classes that {manifest.name} was trained on, {_few(manifest.labels)}; got "
            f"{_few(opened.classes)} in {data}: name the data set it was trained on"
        )
    if len(opened.classes) != config.num_classes:
        raise EvaluationError(
            f"expected a data set of {config.num_classes} classes for {manifest.name}; {data} has "
            f"{len(opened.classes)}: name the data set it was trained on"
        )
    count = opened.count if limit is None else min(limit, opened.count)
    return replace(opened, count=count)


def _digits(manifest: Manifest) -> EvalData:
    from models.digits import LABELS, load_digits

    test = load_digits().test
    _, *image = manifest.inputs[0].shape
    classes = manifest.outputs[0].shape[-1]
    if list(test.pixels.shape[1:]) != image or classes != len(LABELS):
        raise EvaluationError(
            f"expected a model of {list(test.pixels.shape[1:])} images and {len(LABELS)} classes for digits; "
            f"{manifest.name} takes {image} and tells {classes}: compile digits-k3, or name a folder"
        )
    contents = hashlib.sha256(test.pixels.tobytes() + test.labels.tobytes()).hexdigest()

    def read(indices: Sequence[int]) -> "tuple[Array, Rows]":
        rows = np.asarray(indices)
        return test.pixels[rows], test.labels[rows]

    return EvalData("digits", LABELS, len(test.labels), contents, read)


def fingerprint(root: Path) -> str:
    """A digest of names, sizes and times of change of all files of a folder; contents are not read."""
    lines = []
    for path in sorted(root.rglob("*")):
        status = path.stat()
        if not path.is_dir():
            lines.append(f"{path.relative_to(root)} {status.st_size} {status.st_mtime_ns}")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _folder(
    manifest: Manifest, config: NetworkConfig, root: Path, data_format: DataFormat | None, split: str
) -> EvalData:
    if not root.is_dir():
        raise EvaluationError(f"expected digits or the folder of a data set; got '{root}': check the path")
    if config.in_channels != 3:
        raise EvaluationError(
            f"expected a network of colour images for {root}; {manifest.name} takes {config.in_channels} "
            "channel(s): score it with --data digits"
        )
    possible = _FORMATS[config.task]
    chosen = data_format or _recognise(root, possible)
    if chosen not in possible:
        raise EvaluationError(
            f"expected a data set for {config.task}, in the format {' or '.join(possible)}; got {chosen}: "
            "choose another --format"
        )
    if config.task == "classification":
        return _images(config, root, split)
    padding = _padding(manifest)
    if config.task == "segmentation":
        return _masks(config, root, split, padding)
    return _boxes(config, root, split, padding, chosen)


def _recognise(root: Path, possible: tuple[DataFormat, ...]) -> DataFormat:
    marks: dict[DataFormat, str] = {"coco": "annotations/instances_*.json", "voc": "**/JPEGImages"}
    for data_format in possible:
        if data_format not in marks or any(root.glob(marks[data_format])):
            return data_format
    return possible[0]  # whose reader says what it misses


def _images(config: NetworkConfig, root: Path, split: str) -> EvalData:
    from models.data.image_folder import ImageFolder
    from models.data.transforms.classification import centre_view

    dataset = ImageFolder(root, split)

    def read(index: int) -> tuple[Array, Any]:
        sample = centre_view(dataset[index], size=config.input_size)
        return sample.image, sample.label

    return EvalData(root.name, dataset.classes, len(dataset), fingerprint(root), _one_by_one(read))


def _masks(config: NetworkConfig, root: Path, split: str, padding: tuple[int, int, int]) -> EvalData:
    from models.data.transforms.segmentation import fit_square
    from models.data.voc import VocSegmentation

    dataset = VocSegmentation(root, split)

    def read(index: int) -> tuple[Array, Any]:
        sample = fit_square(dataset[index], size=config.input_size, padding=padding)
        return sample.image, sample.mask

    return EvalData(root.name, dataset.classes, len(dataset), fingerprint(root), _one_by_one(read))


def _boxes(
    config: NetworkConfig, root: Path, split: str, padding: tuple[int, int, int], data_format: DataFormat
) -> EvalData:
    from models.data.coco import CocoDetection
    from models.data.transforms.detection import fit_square_with_boxes
    from models.data.voc import VocDetection
    from models.scoring.by_task import ScaledObjects

    dataset = CocoDetection(root, split) if data_format == "coco" else VocDetection(root, split)
    fit = partial(fit_square_with_boxes, size=config.input_size, padding=padding)

    def read(index: int) -> tuple[Array, Any]:
        sample = dataset[index]
        scale = max(sample.image.shape[:2]) / config.input_size
        return fit(sample).image, ScaledObjects(sample.target, scale)

    return EvalData(root.name, dataset.classes, len(dataset), fingerprint(root), _one_by_one(read))


def _one_by_one(
    read: Callable[[int], tuple[Array, Any]],
) -> "Callable[[Sequence[int]], tuple[Array, Rows]]":
    """What reads images of files of their own."""

    def read_all(indices: Sequence[int]) -> "tuple[Array, Rows]":
        pixels, truths = zip(*map(read, indices), strict=True)
        return np.stack(pixels), list(truths)

    return read_all


def _padding(manifest: Manifest) -> tuple[int, int, int]:
    from models.data.transforms.normalise import mean_colour

    red, green, blue = manifest.preprocessing.mean
    return mean_colour((red, green, blue))


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(names[:4]) + (" and so on" if len(names) > 4 else "")
