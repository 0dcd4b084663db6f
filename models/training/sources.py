"""From a preset and a folder to a task on its data set."""

import dataclasses
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.data.batches import collate_classification, collate_segmentation
from models.data.image_folder import ImageFolder
from models.data.transforms.classification import centre_view, random_crop_and_flip
from models.data.transforms.normalise import IMAGENET_MEAN, IMAGENET_STD, mean_colour
from models.data.transforms.segmentation import fit_square, random_scale_crop_and_flip
from models.data.voc import VocSegmentation
from models.digits import LABELS, PREPROCESSING
from models.errors import DataError
from models.metadata import Preprocessing
from models.task_config import NetworkConfig
from models.training.detection_source import detection_splits
from models.training.digits_source import digits_feed
from models.training.loader_feed import LoaderFeed, Split
from models.training.preset import Preset
from models.training.recipe import Recipe
from models.training.task import Feed, Task
from models.training.tasks import make_task

_TASKS = {
    "digits": ("classification",),
    "image_folder": ("classification",),
    "voc": ("segmentation", "detection"),
    "coco": ("detection",),
}
_BASE_SIZE = 520 / 480  # the official segmentation code: base size 520, crops of 480


@dataclasses.dataclass(frozen=True)
class OpenData:
    """A task, the network's description with as many classes as the data set has, and their names."""

    task: Task
    config: NetworkConfig
    classes: tuple[str, ...]
    preprocessing: Preprocessing


@dataclasses.dataclass(frozen=True, kw_only=True)
class Opening:
    """What every kind of data needs to be opened.

    Attributes:
        preset: Names of the splits, and how images are augmented.
        config: The network that is to read the images.
        recipe: Of the training.
        device: Where images are normalised.
        workers: Processes that decode.
    """

    preset: Preset
    config: NetworkConfig
    recipe: Recipe
    device: torch.device
    workers: int

    @property
    def preprocessing(self) -> Preprocessing:
        """ImageNet's, in the network's size."""
        return Preprocessing(self.config.input_size, 3, IMAGENET_MEAN, IMAGENET_STD)

    def feed(self, train: Split, test: Split) -> LoaderFeed:
        """Batches of both splits."""
        return LoaderFeed(train=train, test=test, device=self.device, workers=self.workers)

    def opened(self, feed: Feed, classes: tuple[str, ...], preprocessing: Preprocessing) -> OpenData:
        """The network's task on these batches.

        Raises:
            DataError: The network reads images of another size, or of another number of channels.
        """
        got = (self.config.input_size, self.config.in_channels)
        if got != (preprocessing.input_size, preprocessing.channels):
            raise DataError(
                f"expected a network for these images, {preprocessing.input_size} pixels and "
                f"{preprocessing.channels} channels; got one for {got[0]} pixels and {got[1]} channels; use "
                "another architecture, or leave input_size and in_channels as they are"
            )
        config = self.config.replace(num_classes=len(classes))
        task = make_task(config, feed, classes, preprocessing, self.recipe)
        return OpenData(task, config, classes, preprocessing)


def open_data(opening: Opening, root: Path | None) -> OpenData:
    """Read the lists of both splits; images are decoded when they are needed.

    Raises:
        DataError: No folder where one is needed, one where none is, or the data set is missing, damaged or
            of another kind than the network needs.
    """
    kind, task = opening.preset.data, opening.config.task
    if task not in _TASKS[kind]:
        raise DataError(
            f"expected data for {task}; got the kind {kind}, which is for {' or '.join(_TASKS[kind])}; use "
            "another preset"
        )
    if kind == "digits":
        if root is not None:
            raise DataError(f"expected no folder for the digits of scikit-learn; got {root}; leave it out")
        return opening.opened(digits_feed(), LABELS, PREPROCESSING)
    if root is None:
        raise DataError(f"expected the folder of a data set of kind {kind}; got none; name it with --data")
    if task == "classification":
        return _image_folder(opening, root)
    if task == "segmentation":
        return _segmentation(opening, root)
    splits = detection_splits(opening.preset, root, opening.config.input_size)
    return opening.opened(opening.feed(*splits), splits[0].dataset.classes, opening.preprocessing)


def _image_folder(opening: Opening, root: Path) -> OpenData:
    preset, size = opening.preset, opening.config.input_size
    train, test = ImageFolder(root, preset.train_split), ImageFolder(root, preset.test_split)
    crop = partial(random_crop_and_flip, size=size, area=(preset.crop_area, 1.0), flip=preset.flip)
    centre = partial(centre_view, size=size)
    feed = opening.feed(
        Split(dataset=train, transform=crop, collate=collate_classification, targets_of=attrgetter("labels")),
        Split(
            dataset=test,
            transform=Fixed(centre),
            collate=collate_classification,
            targets_of=attrgetter("labels"),
        ),
    )
    return opening.opened(feed, train.classes, opening.preprocessing)


def _segmentation(opening: Opening, root: Path) -> OpenData:
    preset, size = opening.preset, opening.config.input_size
    train, test = VocSegmentation(root, preset.train_split), VocSegmentation(root, preset.test_split)
    padding = mean_colour(IMAGENET_MEAN)
    crop = partial(
        random_scale_crop_and_flip,
        padding=padding,
        base=round(size * _BASE_SIZE),
        crop=size,
        flip=preset.flip,
    )
    square = partial(fit_square, size=size, padding=padding)
    feed = opening.feed(
        Split(dataset=train, transform=crop, collate=collate_segmentation, targets_of=attrgetter("masks")),
        Split(
            dataset=test,
            transform=Fixed(square),
            collate=collate_segmentation,
            targets_of=attrgetter("masks"),
        ),
    )
    return opening.opened(feed, train.classes, opening.preprocessing)


@dataclasses.dataclass(frozen=True)
class Fixed:
    """A transform that draws nothing, called as one that does."""

    transform: Any

    def __call__(self, sample: Any, _generator: np.random.Generator) -> Any:
        """The sample after the transform."""
        return self.transform(sample)
