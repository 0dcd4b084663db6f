"""The loop that trains any task's network stage by stage, resumable to the same bits.

Stage by stage, the network is built in the stage's precision and starts from the last stage's parameters: in
the papers first `tanh` stands in for the signs of activations and weights stay float, then both are binary
(CVPR 2019, section 5; the official `pretrain.py` and `finetune.py`). After each epoch the whole state is
written to one file, as a whole or not at all.

All randomness of an epoch (order, augmentation) follows from (seed, stage, epoch). So a resumed run needs no
saved generator, and on the same machine and number of threads it ends with the bits of an unbroken one.
(Dropout draws from a generator that is seeded for each epoch too.)
"""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.errors import TrainingError
from models.networks import make_network
from models.task_config import NetworkConfig
from models.training.average import ParameterAverage
from models.training.epoch import Learner, run_epoch
from models.training.optimizer import make_optimizer
from models.training.ranks import wait_for_all
from models.training.recipe import Recipe, Stage
from models.training.report import EpochReport, Observer
from models.training.state import load_state, save_state
from models.training.synchronised_dropout import synchronise_dropout
from models.training.synchronised_norm import synchronise_batch_norm
from models.training.task import EpochKey, Shard, Task

State = dict[str, torch.Tensor]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Machine:
    """Where a training runs, which changes how fast it is and not what it learns.

    Attributes:
        device: Of the network.
        shard: This process's part of each batch.
        evaluate_every: Epochs between scores on the test images, apart from a stage's last epoch; 0 scores
            none at all, not even then.
    """

    device: torch.device = dataclasses.field(default_factory=lambda: torch.device("cpu"))
    shard: Shard = dataclasses.field(default_factory=Shard)
    evaluate_every: int = 0


def train(
    config: NetworkConfig,
    recipe: Recipe,
    task: Task,
    *,
    state_path: Path | None,
    initial: State | None = None,
    settings: Mapping[str, Any] | None = None,
    resume: bool = False,
    machine: Machine = Machine(),
    observers: Sequence[Observer] = (),
) -> nn.Module:
    """Train through all stages and return the network of the last one, on the CPU.

    Args:
        config: The network; each stage replaces its precision.
        recipe: How to train.
        task: What to learn, from which data.
        state_path: Written after each epoch; an interrupt leaves the last whole epoch there. None keeps
            nothing.
        initial: Parameters and buffers to start with, some or all; the others are drawn from the seed.
        settings: Plain values of whatever else decides the result, such as the task's augmentation; a
            resumed training must have the same.
        resume: Go on from `state_path` and not from the start.
        machine: Where.
        observers: Told of epochs once their state is on disk; in the first process alone.

    Raises:
        TrainingError: `resume` without a state, with another recipe's or network's state, the loss is no
            number, or mixed precision without CUDA.
        CheckpointError: The state cannot be written or read.
    """
    if recipe.mixed_precision and machine.device.type != "cuda":
        raise TrainingError(
            f"expected a CUDA device for mixed precision; got {machine.device}; set mixed_precision to false"
        )
    run = _settings(config, recipe, task, initial) | dict(settings or {})
    state = load_state(state_path, run) if resume and state_path is not None else None
    result = _first_state(config, recipe, initial)
    for number, stage in enumerate(recipe.stages):
        if state is not None and number < state["stage"]:
            continue
        learner = _learner(config, recipe, stage, result, machine)
        first = 0
        if state is not None:
            _restore(learner, state)
            first, state = state["epochs_done"], None
        for epoch in range(first, stage.epochs):
            key = EpochKey(recipe.seed, number, epoch)
            started = time.perf_counter()
            means = run_epoch(learner, task, recipe, stage, key, machine.shard, observers)
            seconds = time.perf_counter() - started
            if machine.shard.rank == 0:
                if state_path is not None:
                    save_state(state_path, run, _state(learner, number, epoch + 1))
                report = EpochReport(
                    stage=number + 1,
                    stages=len(recipe.stages),
                    precision=stage.precision,
                    epoch=epoch + 1,
                    epochs=stage.epochs,
                    number=sum(earlier.epochs for earlier in recipe.stages[:number]) + epoch + 1,
                    loss=means.loss,
                    scores=means.scores,
                    metrics={},
                    learning_rate=means.learning_rate,
                    images=means.images,
                    seconds=seconds,
                )
                _tell(report, config, stage, task, learner, machine, observers)
            wait_for_all(machine.shard)
        result = learner.result()
    return _network(config, recipe.stages[-1], result)


def _settings(config: NetworkConfig, recipe: Recipe, task: Task, initial: State | None) -> dict[str, Any]:
    """What an interrupted training and the one that goes on with it must have in common."""
    fingerprint = 0.0 if initial is None else sum(float(t.double().abs().sum()) for t in initial.values())
    return {
        "network": config.to_dict(),
        "recipe": recipe.to_dict(),
        "training_images": task.feed.training_images,
        "initial": fingerprint,
    }


def _first_state(config: NetworkConfig, recipe: Recipe, initial: State | None) -> State:
    """The drawn parameters, with `initial` in place of those that it has."""
    drawn: State = _network(config, recipe.stages[0], None, recipe.seed).state_dict()
    return drawn | (initial or {})


def _network(config: NetworkConfig, stage: Stage, state: State | None, seed: int = 0) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = make_network(config.replace(precision=stage.precision))
    if state is not None:
        model.load_state_dict(state)
    return model


def _learner(config: NetworkConfig, recipe: Recipe, stage: Stage, state: State, machine: Machine) -> Learner:
    model = _network(config, stage, state).to(machine.device)
    if machine.device.type == "cuda":
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub
    parallel = model
    if machine.shard.world > 1:
        model = synchronise_batch_norm(model, machine.device)
        model = synchronise_dropout(model, machine.shard)
        ids = [machine.device] if machine.device.type == "cuda" else None
        # Batch norm's buffers are the same everywhere, as their batches are joined.
        parallel = nn.parallel.DistributedDataParallel(model, ids, forward_sync_buffers=False)
    average = ParameterAverage(model, recipe.average_decay) if recipe.average_decay else None
    return Learner(model, parallel, make_optimizer(model, stage, recipe.head_rate), average, machine.device)


def _state(learner: Learner, stage: int, epochs_done: int) -> dict[str, Any]:
    average = None if learner.average is None else learner.average.state_dict()
    return {
        "stage": stage,
        "epochs_done": epochs_done,
        "model": learner.model.state_dict(),
        "optimizer": learner.optimizer.state_dict(),
        "average": average,
    }


def _restore(learner: Learner, state: dict[str, Any]) -> None:
    learner.model.load_state_dict(state["model"])
    learner.optimizer.load_state_dict(state["optimizer"])
    if learner.average is not None:
        learner.average.load_state_dict(state["average"])


def _tell(
    report: EpochReport,
    config: NetworkConfig,
    stage: Stage,
    task: Task,
    learner: Learner,
    machine: Machine,
    observers: Sequence[Observer],
) -> None:
    """Score the test images if it is time, then tell the observers."""
    last = report.epoch == report.epochs
    if machine.evaluate_every and (last or report.epoch % machine.evaluate_every == 0):
        scored = _network(config, stage, learner.result()).to(machine.device)
        report = dataclasses.replace(report, metrics=task.evaluate(scored, machine.device))
        pictures = task.pictures(scored, machine.device) if observers else {}
        for observer in observers:
            observer.on_pictures(report.number, pictures)
    for observer in observers:
        observer.on_epoch(report)
