"""The optimiser of a stage, with a higher rate for the head where the recipe asks for it."""

from typing import Any

import torch
from torch import nn

from models.training.recipe import Stage

_MOMENTUM = 0.9
_BACKBONE = "backbone."


def make_optimizer(model: nn.Module, stage: Stage, head_rate: float) -> torch.optim.Optimizer:
    """The optimiser of all parameters; `set_rate` gives it a rate.

    Args:
        model: With its backbone below `backbone`, where it has a head that learns faster.
        stage: Which optimiser, and its weight decay.
        head_rate: Factor of the learning rate of what is not below `backbone`.
    """
    backbone: list[nn.Parameter] = []
    head: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        (backbone if name.startswith(_BACKBONE) or head_rate == 1 else head).append(parameter)
    groups: list[dict[str, Any]] = [
        {"params": backbone, "rate_factor": 1.0},
        {"params": head, "rate_factor": head_rate},
    ]
    groups = [group for group in groups if group["params"]]
    if stage.optimizer == "sgd":
        return torch.optim.SGD(
            groups, stage.learning_rate, momentum=_MOMENTUM, weight_decay=stage.weight_decay
        )
    return torch.optim.Adam(groups, stage.learning_rate, weight_decay=stage.weight_decay)


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Make `rate` the learning rate of the backbone, and its multiple that of the head."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group["rate_factor"]
