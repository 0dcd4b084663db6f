"""Two steps of every stage on generated images: shows that a preset trains, without its data set."""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from models.complexity import Complexity, complexity
from models.data.batches import BoxTargets
from models.data.samples import IGNORE
from models.metadata import Preprocessing
from models.networks import make_network
from models.task_config import NetworkConfig
from models.training.detection import ObjectsToLearn
from models.training.engine import Machine, train
from models.training.initial import initial_state
from models.training.preset_run import Plan
from models.training.report import EpochReport, StepReport
from models.training.sources import Opening, open_data
from models.training.task import Batch, EpochKey, Shard
from models.training.tasks import make_task

_BATCH = 2
_STEPS = 2
_BOXES = 3
_CPU = torch.device("cpu")


@dataclasses.dataclass(frozen=True)
class StageTrial:
    """What two steps of one stage were like."""

    precision: str
    loss: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class Trial:
    """A preset that trains, and what its network costs for one image."""

    costs: Complexity
    stages: tuple[StageTrial, ...]


def dry_run(plan: Plan, device: torch.device = _CPU) -> Trial:
    """Train two steps of two generated images in every stage, in the network's true size.

    What the request names is looked at too: the lists of a data folder are read, and give the number of
    classes; a checkpoint's parameters are where the first stage starts.

    Raises:
        ConfigError: The values contradict each other.
        DataError: The data set is missing, damaged or of another kind.
        CheckpointError: The checkpoint to start with cannot be read.
        TrainingError: Its backbone is another, the loss is no number, or mixed precision without CUDA.
    """
    config = plan.config
    if plan.request.data is not None:
        opening = Opening(preset=plan.preset, config=config, recipe=plan.recipe, device=device, workers=0)
        config = open_data(opening, plan.request.data).config
    channels, size = config.in_channels, config.input_size
    classes = tuple(map(str, range(config.num_classes)))
    preprocessing = Preprocessing(size, channels, (0.5,) * channels, (0.5,) * channels)
    task = make_task(config, GeneratedFeed(config), classes, preprocessing, plan.recipe)
    stages = tuple(dataclasses.replace(stage, epochs=1) for stage in plan.recipe.stages)
    recipe = plan.recipe.replace(stages=stages, batch_size=_BATCH)
    trials = _Trials()
    start = None if plan.request.backbone is None else initial_state(config, plan.request.backbone)
    machine = Machine(device=device)
    train(config, recipe, task, state_path=None, initial=start, machine=machine, observers=[trials])
    with torch.device("meta"):
        model = make_network(config)
    return Trial(complexity(model, (channels, size, size)), tuple(trials.stages))


@dataclasses.dataclass(frozen=True)
class GeneratedFeed:
    """Noise of the shape that the network reads, and targets of its task."""

    config: NetworkConfig

    @property
    def training_images(self) -> int:
        """Images of one epoch."""
        return _BATCH * _STEPS

    def steps(self, batch_size: int, shard: Shard) -> int:
        """Always two."""
        del batch_size, shard  # Part of the protocol; a trial is short whatever the recipe.
        return _STEPS

    def training(self, key: EpochKey, batch_size: int, shard: Shard) -> Iterator[Batch]:
        """Two batches."""
        del shard  # A trial runs alone.
        generator = torch.Generator().manual_seed(key.generator_seed())
        for _ in range(_STEPS):
            yield self._batch(generator, batch_size)

    def testing(self) -> Iterator[Batch]:
        """One batch."""
        yield self._batch(torch.Generator().manual_seed(0), _BATCH)

    def _batch(self, generator: torch.Generator, count: int) -> Batch:
        config, size = self.config, self.config.input_size
        images = torch.randn(count, config.in_channels, size, size, generator=generator)
        return Batch(images, _TARGETS[config.task](config, count, generator))


def _labels(config: NetworkConfig, count: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randint(config.num_classes, (count,), generator=generator)


def _masks(config: NetworkConfig, count: int, generator: torch.Generator) -> torch.Tensor:
    shape = (count, config.input_size, config.input_size)
    masks = torch.randint(config.num_classes, shape, generator=generator)
    masks[:, 0] = IGNORE
    return masks


def _boxes(config: NetworkConfig, count: int, generator: torch.Generator) -> ObjectsToLearn:
    targets = []
    for image_id in range(count):
        corners = torch.rand(_BOXES, 2, 2, generator=generator).sort(dim=1).values * config.input_size
        boxes = corners.reshape(_BOXES, 4) + torch.tensor([0.0, 0.0, 4.0, 4.0])
        classes = torch.randint(config.num_classes, (_BOXES,), generator=generator)
        targets.append(BoxTargets(boxes, classes, torch.zeros(_BOXES, dtype=torch.bool), image_id))
    return ObjectsToLearn(targets, (config.input_size, config.input_size))


_TARGETS: dict[str, Callable[[Any, int, torch.Generator], Any]] = {
    "classification": _labels,
    "segmentation": _masks,
    "detection": _boxes,
}


class _Trials:
    """Keeps the loss of each stage's two steps, and how long they took."""

    def __init__(self) -> None:
        self.stages: list[StageTrial] = []

    def on_step(self, report: StepReport) -> None:
        """Too few steps for this."""

    def on_epoch(self, report: EpochReport) -> None:
        """One stage is done."""
        self.stages.append(StageTrial(report.precision, report.loss, report.seconds))

    def on_pictures(self, epoch: int, pictures: dict[str, npt.NDArray[np.uint8]]) -> None:
        """None are made."""
