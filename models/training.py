"""Two-stage training of a Group-Net, resumable to the same bits.

Stage by stage, the network is built in the stage's precision and starts from the last stage's parameters:
first `tanh` stands in for the signs of activations and weights stay float, then both are binary (CVPR 2019,
section 5; the official `pretrain.py` and `finetune.py`). After each epoch the whole state is written to one
file, as a whole or not at all.

All randomness of an epoch (order, augmentation) comes from a generator seeded with (seed, stage, epoch). So a
resumed run needs no saved generator, and on the same machine and number of threads it ends with the bits of
an unbroken one.
"""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from models.config import Precision
from models.errors import CheckpointError, TrainingError
from models.networks import make_network
from models.task_config import NetworkConfig
from models.torch_file import load_torch_file, save_torch_file

Augmentation = Callable[[torch.Tensor, torch.Generator], torch.Tensor]
"""A batch [N, C, H, W] and the epoch's generator to a batch of the same shape."""

_STATE_FORMAT = "groupnet-training-1"
_DECAY = 0.1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stage:
    """One pass of optimisation.

    Attributes:
        precision: What the network computes in this stage.
        optimizer: `sgd` (momentum 0.9) or `adam`.
        learning_rate: Of the first epoch.
        weight_decay: Factor of the squared norm in the loss.
        epochs: Times through the data.
        milestones: Epochs, counted from 0, from which on the rate is a tenth of what it was.
    """

    precision: Precision
    optimizer: Literal["sgd", "adam"]
    learning_rate: float
    weight_decay: float
    epochs: int
    milestones: tuple[int, ...]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """The stages in order, images in a batch, and the seed of parameters, order and augmentation."""

    stages: tuple[Stage, ...]
    batch_size: int
    seed: int


@dataclasses.dataclass(frozen=True)
class EpochReport:
    """One finished epoch: `epoch` of `epochs` (from 1), of stage `stage` of `stages` (from 1).

    `loss` and `accuracy` (0 to 1) are means over the training batches as they were seen.
    """

    stage: int
    stages: int
    precision: Precision
    epoch: int
    epochs: int
    loss: float
    accuracy: float


def train(
    config: NetworkConfig,
    recipe: Recipe,
    images: torch.Tensor,
    labels: torch.Tensor,
    *,
    augment: Augmentation,
    state_path: Path,
    resume: bool = False,
    progress: Callable[[EpochReport], None] | None = None,
) -> nn.Module:
    """Train through all stages and return the network of the last one.

    Args:
        config: The network; each stage replaces its precision.
        recipe: How to train.
        images: Normalised, float32 [N, C, H, W].
        labels: Class numbers, int64 [N].
        augment: Applied to each batch.
        state_path: Written after each epoch; an interrupt leaves the last whole epoch there.
        resume: Go on from `state_path` and not from the start.
        progress: Called after each epoch, once its state is on disk.

    Raises:
        TrainingError: `resume` without a state, with another recipe's or network's state, or the loss is no
            number.
        CheckpointError: The state cannot be written or read.
    """
    run = {"config": config.to_dict(), "recipe": dataclasses.asdict(recipe)}
    state = _load_state(state_path, run) if resume else None
    model = _build(config, recipe.stages[0], recipe.seed)
    for number, stage in enumerate(recipe.stages):
        if state is not None and number < state["stage"]:
            continue
        model = _continue_as(model, config, stage)
        optimizer = _optimizer(model, stage)
        first = 0
        if state is not None:
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
            first, state = state["epochs_done"], None
        for epoch in range(first, stage.epochs):
            _set_rate(optimizer, stage, epoch)
            generator = _generator(recipe.seed, number, epoch)
            loss, accuracy = _epoch(model, optimizer, images, labels, recipe.batch_size, augment, generator)
            _save_state(state_path, run, number, epoch + 1, model, optimizer)
            if progress is not None:
                position = (number + 1, len(recipe.stages), stage.precision, epoch + 1, stage.epochs)
                progress(EpochReport(*position, loss, accuracy))
    return model


def _build(config: NetworkConfig, stage: Stage, seed: int) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make_network(config.replace(precision=stage.precision))


def _continue_as(model: nn.Module, config: NetworkConfig, stage: Stage) -> nn.Module:
    """The same parameters in the precision of `stage`."""
    successor = _build(config, stage, seed=0)
    successor.load_state_dict(model.state_dict())
    return successor


def _optimizer(model: nn.Module, stage: Stage) -> torch.optim.Optimizer:
    if stage.optimizer == "sgd":
        return torch.optim.SGD(
            model.parameters(), stage.learning_rate, momentum=0.9, weight_decay=stage.weight_decay
        )
    return torch.optim.Adam(model.parameters(), stage.learning_rate, weight_decay=stage.weight_decay)


def _set_rate(optimizer: torch.optim.Optimizer, stage: Stage, epoch: int) -> None:
    rate = stage.learning_rate * _DECAY ** sum(epoch >= milestone for milestone in stage.milestones)
    for group in optimizer.param_groups:
        group["lr"] = rate


def _generator(seed: int, stage: int, epoch: int) -> torch.Generator:
    (mixed,) = np.random.SeedSequence([seed, stage, epoch]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(mixed))


def _epoch(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    images: torch.Tensor,
    labels: torch.Tensor,
    batch_size: int,
    augment: Augmentation,
    generator: torch.Generator,
) -> tuple[float, float]:
    """Go through the data once; returns mean loss and accuracy over the images as they were seen."""
    model.train()
    loss_sum = right = 0.0
    for start in range(0, len(order := torch.randperm(len(images), generator=generator)), batch_size):
        batch = order[start : start + batch_size]
        logits = model(augment(images[batch], generator))
        loss = F.cross_entropy(logits, labels[batch])
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        optimizer.step()
        loss_sum += loss.item() * len(batch)
        right += (logits.argmax(1) == labels[batch]).sum().item()
    if not math.isfinite(loss_sum):
        raise TrainingError(
            f"expected a finite loss; got {loss_sum}; lower the learning rate or use another seed"
        )
    return loss_sum / len(images), right / len(images)


def _save_state(
    path: Path,
    run: dict[str, Any],
    stage: int,
    epochs_done: int,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
) -> None:
    state = {"format": _STATE_FORMAT, "run": run, "stage": stage, "epochs_done": epochs_done}
    save_torch_file(path, state | {"model": model.state_dict(), "optimizer": optimizer.state_dict()})


def _load_state(path: Path, run: dict[str, Any]) -> dict[str, Any]:
    if not path.exists():
        raise TrainingError(
            f"expected the state of an interrupted training at {path}; got no file; start without resuming"
        )
    state = load_torch_file(path)
    if state.get("format") != _STATE_FORMAT:
        raise CheckpointError(
            f"expected the state of a training at {path}; got a file of another kind or version; start anew"
        )
    if state["run"] != run:
        raise TrainingError(
            f"expected to resume {path} with the settings it was started with; got others; "
            "repeat the options of the first run, or start anew"
        )
    return state
