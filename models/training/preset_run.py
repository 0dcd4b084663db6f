"""Train a preset from end to end: data, stages, scores on the test images, checkpoint."""

import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models.checkpoint import save_checkpoint
from models.deploy import deploy
from models.errors import TrainingError
from models.metadata import ModelMeta
from models.task_config import NetworkConfig
from models.training.engine import Machine, train
from models.training.initial import initial_state
from models.training.preset import Preset, preset_of
from models.training.recipe import Recipe, with_epochs
from models.training.report import Observer
from models.training.sources import Opening, open_data


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be trained: a preset and everything that may differ from it.

    Attributes:
        preset: Its name.
        data: The folder of the data set; None for data that need none.
        bases: K; None is the preset's.
        seed: Of parameters, order and augmentation; None is the preset's.
        pretrain_epochs: Epochs of the stages before the last; None keeps the recipe's.
        epochs: Epochs of the last stage; None keeps the recipe's.
        backbone: A checkpoint whose parameters the network starts with, as far as they fit.
        overrides: `NAME=VALUE` for fields of the preset, see `Preset.overridden`.
    """

    preset: str
    data: Path | None = None
    bases: int | None = None
    seed: int | None = None
    pretrain_epochs: int | None = None
    epochs: int | None = None
    backbone: Path | None = None
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A request with every choice made."""

    request: Request
    preset: Preset
    config: NetworkConfig
    recipe: Recipe


@dataclass(frozen=True)
class TrainResult:
    """Where the checkpoint is, and what it says; its metrics are those of the test images."""

    path: Path
    meta: ModelMeta


def make_plan(request: Request) -> Plan:
    """Look the preset up and apply the request to it.

    Raises:
        UnknownNameError: No such preset or option.
        ConfigError: A value is not valid.
    """
    preset = preset_of(request.preset).overridden(request.overrides)
    recipe = with_epochs(preset.recipe, pretrain_epochs=request.pretrain_epochs, epochs=request.epochs)
    if request.seed is not None:
        recipe = recipe.replace(seed=request.seed)
    return Plan(request, preset, preset.config(request.bases), recipe)


def state_path(out: Path) -> Path:
    """Where an unfinished training that is to write `out` keeps its last epoch."""
    return out.with_name(f"{out.name}.training")


def run_plan(
    plan: Plan,
    out: Path,
    *,
    resume: bool = False,
    machine: Machine = Machine(),  # noqa: B008  # it is frozen
    workers: int = 0,
    observers: Sequence[Observer] = (),
) -> TrainResult | None:
    """Train, test, and write a checkpoint.

    Args:
        plan: What to train.
        out: The checkpoint; written once training is complete. Until then `state_path(out)` holds the last
            epoch.
        resume: Go on after an interrupt; the plan must be that of the interrupted call.
        machine: Where to train.
        workers: Processes that decode images.
        observers: Told of each epoch.

    Returns:
        None in all processes but the first.

    Raises:
        TrainingError: No folder to write to, no epochs, nothing to resume, an unfinished training that would
            be lost, or a training that diverged.
        DataError: The data set is missing, damaged or of another kind.
        CheckpointError: A file cannot be written or read.
    """
    _check_place(out, resume)
    if plan.recipe.stages[-1].epochs < 1:
        raise TrainingError("expected 1 or more epochs in the last stage; got 0; raise --epochs")
    opening = Opening(
        preset=plan.preset, config=plan.config, recipe=plan.recipe, device=machine.device, workers=workers
    )
    data = open_data(opening, plan.request.data)
    config = data.config
    model = train(
        config,
        plan.recipe,
        data.task,
        state_path=state_path(out),
        initial=None if plan.request.backbone is None else initial_state(config, plan.request.backbone),
        settings={"overrides": list(plan.request.overrides)} if plan.request.overrides else None,
        resume=resume,
        machine=machine,
        observers=observers,
    )
    if machine.shard.rank > 0:
        return None
    metrics = data.task.evaluate(deploy(model).to(machine.device), machine.device)
    meta = ModelMeta(
        architecture=plan.preset.architecture,
        config=config,
        task=config.task,
        labels=data.classes,
        preprocessing=data.preprocessing,
        training_command=command(plan),
        seed=plan.recipe.seed,
        metrics=metrics,
    )
    save_checkpoint(out, model, meta)
    state_path(out).unlink()
    return TrainResult(out, meta)


def command(plan: Plan) -> str:
    """The command line that repeats the training; folders and files appear by their last name alone."""
    request = plan.request
    words = ["groupnet", "train", request.preset]
    if request.data is not None:
        words += ["--data", request.data.name]
    words += ["--bases", str(plan.config.bases), "--seed", str(plan.recipe.seed)]
    if request.backbone is not None:
        words += ["--backbone", request.backbone.name]
    usual = plan.preset.recipe.stages
    if [stage.epochs for stage in plan.recipe.stages] != [stage.epochs for stage in usual]:
        if len(usual) > 1:
            words += ["--pretrain-epochs", str(plan.recipe.stages[0].epochs)]
        words += ["--epochs", str(plan.recipe.stages[-1].epochs)]
    for assignment in request.overrides:
        words += ["--override", assignment]
    return shlex.join(words)


def _check_place(out: Path, resume: bool) -> None:
    if out.is_dir() or not out.parent.is_dir():
        raise TrainingError(
            f"expected a file in an existing folder; got {out}; create the folder or name a file"
        )
    if state_path(out).exists() and not resume:
        raise TrainingError(
            f"expected no unfinished training of {out}; got {state_path(out)}; resume or remove it"
        )
    try:
        tempfile.TemporaryFile(dir=out.parent).close()  # found out now, and not after the first epoch
    except OSError as error:
        raise TrainingError(
            f"expected to write {out}; got {error.strerror or error}; choose a writable folder with free "
            "space"
        ) from error
