"""Train `groupnet_digits` on the digits: the papers' two stages, shortened for 1,437 small images on a CPU.

Kept from the official code: tanh pre-training with SGD (rate 0.05, momentum 0.9, weight decay 1e-4), then
binary fine-tuning with Adam (rate 5e-4, no weight decay), rates cut to a tenth twice, cross-entropy.
Changed: 15 and 25 epochs where the papers have 40 and 40, batches of 64 where they have 256, small affine
changes of the image where they crop and flip (a mirrored digit is no digit).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from models.checkpoint import save_checkpoint
from models.deploy import deploy
from models.digits import LABELS, PREPROCESSING, load_digits
from models.errors import TrainingError
from models.evaluation import evaluate
from models.metadata import ModelMeta
from models.registry import config_of
from models.task_config import NetworkConfig
from models.training import EpochReport, Recipe, Stage, train

ARCHITECTURE = "groupnet_digits"
PRETRAIN_EPOCHS = 15
EPOCHS = 25

_BATCH_SIZE = 64
_MAX_TURN_RAD = 0.17
_MAX_SCALE = 0.1
_MAX_SHIFT = 0.08  # of half the image's width: 1.3 of 32 pixels


@dataclass(frozen=True)
class TrainResult:
    """Where the checkpoint is, and its accuracy (0 to 1) on the 360 test images."""

    path: Path
    top1: float
    meta: ModelMeta


def train_digits(
    out: Path,
    *,
    bases: int = 3,
    seed: int = 0,
    pretrain_epochs: int = PRETRAIN_EPOCHS,
    epochs: int = EPOCHS,
    resume: bool = False,
    progress: Callable[[EpochReport], None] | None = None,
) -> TrainResult:
    """Train, test, and write a checkpoint.

    Args:
        out: The checkpoint; written once training is complete. Until then `state_path(out)` holds the last
            epoch.
        bases: K.
        seed: Seed of parameters, order and augmentation.
        pretrain_epochs: Epochs of the tanh stage; 0 trains the binary network from scratch.
        epochs: Epochs of the binary stage.
        resume: Go on after an interrupt; the other arguments must be those of the interrupted call.
        progress: Called after each epoch.

    Raises:
        TrainingError: No folder to write to, no epochs, nothing to resume, an unfinished training that would
            be lost, or a training that diverged.
        ConfigError: `bases` is not positive.
        CheckpointError: A file cannot be written or read.
    """
    if out.is_dir() or not out.parent.is_dir():
        raise TrainingError(
            f"expected a file in an existing folder; got {out}; create the folder or name a file"
        )
    if pretrain_epochs < 0 or epochs < 1:
        raise TrainingError(
            f"expected 0 or more epochs of pre-training and 1 or more of training; got "
            f"{pretrain_epochs} and {epochs}; raise them"
        )
    if state_path(out).exists() and not resume:
        raise TrainingError(
            f"expected no unfinished training of {out}; got {state_path(out)}; resume or remove it"
        )
    config = config_of(ARCHITECTURE).replace(bases=bases)
    data = load_digits()
    model = train(
        config,
        recipe(pretrain_epochs, epochs, seed),
        torch.tensor(data.train.images),
        torch.tensor(data.train.labels),
        augment=jitter,
        state_path=state_path(out),
        resume=resume,
        progress=progress,
    )
    top1 = evaluate(deploy(model), data.test.images, data.test.labels)
    meta = _meta(config, seed, pretrain_epochs, epochs, top1)
    save_checkpoint(out, model, meta)
    state_path(out).unlink()
    return TrainResult(out, top1, meta)


def state_path(out: Path) -> Path:
    """Where an unfinished training that is to write `out` keeps its last epoch."""
    return out.with_name(f"{out.name}.training")


def recipe(pretrain_epochs: int, epochs: int, seed: int) -> Recipe:
    """The two stages; rates fall after a half and three quarters (the papers: 25 and 35, 20 and 30 of 40)."""
    pretrain = Stage(
        precision="tanh",
        optimizer="sgd",
        learning_rate=0.05,
        weight_decay=1e-4,
        epochs=pretrain_epochs,
        milestones=_milestones(pretrain_epochs),
    )
    binary = Stage(
        precision="binary",
        optimizer="adam",
        learning_rate=5e-4,
        weight_decay=0.0,
        epochs=epochs,
        milestones=_milestones(epochs),
    )
    return Recipe(stages=(pretrain, binary), batch_size=_BATCH_SIZE, seed=seed)


def jitter(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Turn, scale and shift each image [N, C, H, W] a little; what comes in from outside is background."""
    count = len(images)
    turn, grow, right, down = (torch.rand(4, count, generator=generator) * 2 - 1).unbind()
    angle, zoom = turn * _MAX_TURN_RAD, 1 + grow * _MAX_SCALE
    cos, sin = angle.cos() * zoom, angle.sin() * zoom
    rows = [torch.stack([cos, -sin, right * _MAX_SHIFT]), torch.stack([sin, cos, down * _MAX_SHIFT])]
    grid = F.affine_grid(torch.stack(rows).permute(2, 0, 1), list(images.shape), align_corners=False)
    (mean,), (std,) = PREPROCESSING.mean, PREPROCESSING.std
    background = -mean / std
    # grid_sample fills with 0, so the background is moved there and back.
    return F.grid_sample(images - background, grid, align_corners=False) + background


def _milestones(epochs: int) -> tuple[int, ...]:
    return (epochs // 2, epochs * 3 // 4)


def _meta(config: NetworkConfig, seed: int, pretrain_epochs: int, epochs: int, top1: float) -> ModelMeta:
    command = f"groupnet train digits --bases {config.bases} --seed {seed}"
    if (pretrain_epochs, epochs) != (PRETRAIN_EPOCHS, EPOCHS):
        command += f" --pretrain-epochs {pretrain_epochs} --epochs {epochs}"
    return ModelMeta(
        architecture=ARCHITECTURE,
        config=config,
        task="classification",
        labels=LABELS,
        preprocessing=PREPROCESSING,
        training_command=command,
        seed=seed,
        metrics={"top1": top1},
    )
