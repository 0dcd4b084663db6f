"""One epoch: forward, backward and step over the batches, on one process or several."""

import dataclasses
import math
from collections.abc import Mapping, Sequence

import torch
from torch import nn

from models.errors import TrainingError
from models.training.average import ParameterAverage, State
from models.training.optimizer import set_rate
from models.training.ranks import sum_over_processes
from models.training.recipe import Recipe, Stage
from models.training.report import Observer, StepReport
from models.training.schedule import learning_rate
from models.training.task import EpochKey, Shard, Task, Term

_LOOK_EVERY = 50  # steps: reading a loss makes a GPU wait


@dataclasses.dataclass(frozen=True)
class Learner:
    """A network in training and all that changes with it.

    Attributes:
        model: The network.
        parallel: The same, joined with other processes where there are any: what is called.
        optimizer: Of its parameters.
        average: Of its parameters, where the recipe asks for one.
        device: Where it is.
    """

    model: nn.Module
    parallel: nn.Module
    optimizer: torch.optim.Optimizer
    average: ParameterAverage | None
    device: torch.device

    def result(self) -> State:
        """What the stage hands on, on the CPU: the average where there is one."""
        state = self.model.state_dict() if self.average is None else self.average.state_of(self.model)
        return {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}


@dataclasses.dataclass(frozen=True)
class EpochMeans:
    """Means over the epoch's batches as they were seen, how many images those had, and the last rate."""

    loss: float
    scores: dict[str, float]
    images: int
    learning_rate: float


def run_epoch(
    learner: Learner,
    task: Task,
    recipe: Recipe,
    stage: Stage,
    key: EpochKey,
    shard: Shard,
    observers: Sequence[Observer],
) -> EpochMeans:
    """Go through the training images once; every process of `shard.world` must.

    Raises:
        TrainingError: The loss is no number.
    """
    learner.parallel.train()
    steps = task.feed.steps(recipe.batch_size, shard)
    before = sum(earlier.epochs for earlier in recipe.stages[: key.stage]) + key.epoch
    sums: dict[str, torch.Tensor] = {}
    images, rate = 0, 0.0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(key.generator_seed(0))  # what dropout draws from, alike in all processes
        for step, batch in enumerate(task.feed.training(key, recipe.batch_size, shard)):
            rate = learning_rate(stage, key.epoch, step, steps)
            set_rate(learner.optimizer, rate)
            loss = _step(learner, task, recipe, batch.images, batch.targets, shard, sums)
            images += len(batch.images)
            if step % _LOOK_EVERY == _LOOK_EVERY - 1 and shard.rank == 0:
                _check_finite(value := float(loss))
                report = StepReport(before * steps + step + 1, key.stage + 1, key.epoch + 1, value, rate)
                for observer in observers:
                    observer.on_step(report)
    return _means(sums, images, rate, learner.device, shard)


def _step(
    learner: Learner,
    task: Task,
    recipe: Recipe,
    images: torch.Tensor,
    targets: object,
    shard: Shard,
    sums: dict[str, torch.Tensor],
) -> torch.Tensor:
    """Take one step, add what it measured to `sums` (total and weight of each term) and give the loss."""
    images = images.to(learner.device, non_blocking=True)
    if learner.device.type == "cuda":
        images = images.contiguous(memory_format=torch.channels_last)
    with torch.autocast("cuda", torch.bfloat16, enabled=recipe.mixed_precision):
        outputs = learner.parallel(images)
    terms = task.measure(outputs, targets)
    loss = _mean_over_processes(terms.losses, shard)
    learner.optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    learner.optimizer.step()
    if learner.average is not None:
        learner.average.update(learner.model)
    for kind, measured in (("loss", terms.losses), ("score", terms.scores)):
        for name, term in measured.items():
            pair = torch.stack([term.total.detach().double(), term.weight.detach().double()])
            key = f"{kind}/{name}"
            sums[key] = sums[key] + pair if key in sums else pair
    return loss.detach()


def _mean_over_processes(terms: Mapping[str, Term], shard: Shard) -> torch.Tensor:
    """The loss whose gradients, averaged over processes, are those of the whole batch's mean.

    Each term is divided by the weight of all processes together, or by 1 where that is less (a batch without
    labels); and as gradients are averaged and not added, it is multiplied by the number of processes.
    """
    weights = sum_over_processes(
        torch.stack([term.weight.detach().float() for term in terms.values()]), shard
    )
    weights = weights.clamp_min(1)
    parts = [term.total / weight for term, weight in zip(terms.values(), weights.unbind(), strict=True)]
    loss = torch.stack(parts).sum() if len(parts) > 1 else parts[0]
    return loss * shard.world if shard.world > 1 else loss


def _means(
    sums: dict[str, torch.Tensor], images: int, rate: float, device: torch.device, shard: Shard
) -> EpochMeans:
    names = list(sums)
    totals = torch.stack([*sums.values(), torch.tensor([images, 1.0], dtype=torch.float64, device=device)])
    totals = sum_over_processes(totals, shard).cpu()
    means = {
        name: total / max(weight, 1.0)
        for name, (total, weight) in zip(names, totals[:-1].tolist(), strict=True)
    }
    loss = sum(value for name, value in means.items() if name.startswith("loss/"))
    _check_finite(loss)
    scores = {
        name.removeprefix("score/"): value for name, value in means.items() if name.startswith("score/")
    }
    return EpochMeans(loss, scores, int(totals[-1, 0]), rate)


def _check_finite(loss: float) -> None:
    if not math.isfinite(loss):
        raise TrainingError(
            f"expected a finite loss; got {loss}; lower the learning rate or use another seed"
        )
