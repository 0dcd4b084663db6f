"""The learning rate of each step."""

import math

from models.training.recipe import Stage

_DECAY = 0.1
_POLY_POWER = 0.9


def learning_rate(stage: Stage, epoch: int, step: int, steps: int) -> float:
    """The rate of step `step` (from 0, of `steps`) in epoch `epoch` (from 0).

    `poly` is that of the official segmentation code: it falls with every step. Milestones change the rate
    between epochs alone.
    """
    done = epoch * steps + step
    through = done / (stage.epochs * steps)
    if stage.schedule == "poly":
        rate = stage.learning_rate * math.pow(1 - through, _POLY_POWER)
    elif stage.schedule == "cosine":
        rate = stage.learning_rate * 0.5 * (1 + math.cos(math.pi * through))
    else:
        passed = sum(epoch >= math.floor(share * stage.epochs) for share in stage.milestones)
        rate = stage.learning_rate * _DECAY**passed
    return rate * (done + 1) / stage.warmup_steps if done < stage.warmup_steps else rate
