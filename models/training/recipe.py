"""How a network is trained, as data: stages of optimisation one after the other, and what they share."""

import dataclasses
from typing import Any, Literal, get_args

from models.config import Precision
from models.config_fields import check_positive, from_plain, to_plain
from models.errors import ConfigError

Optimizer = Literal["sgd", "adam"]
Schedule = Literal["milestones", "poly", "cosine"]

_SEEDS = 1 << 63  # what both NumPy's and torch's generators take


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stage:
    """One pass of optimisation.

    Attributes:
        precision: What the network computes in this stage.
        optimizer: `sgd` (momentum 0.9) or `adam`.
        learning_rate: The highest.
        weight_decay: Factor of the squared norm in the loss.
        epochs: Times through the data.
        schedule: How the rate falls: `milestones` to a tenth at each of them, `poly` with
            `(1 - step / steps)^0.9`, `cosine` with half a cosine wave to 0.
        milestones: Shares of the stage, 0 to 1, after which the rate is a tenth of what it was; the epoch is
            rounded down.
        warmup_steps: First steps of the stage, over which the rate rises linearly to what the schedule says.

    Raises:
        ConfigError: A value is out of range, or milestones are given to another schedule.
    """

    precision: Precision
    optimizer: Optimizer
    learning_rate: float
    weight_decay: float
    epochs: int
    schedule: Schedule = "milestones"
    milestones: tuple[float, ...] = ()
    warmup_steps: int = 0

    def __post_init__(self) -> None:
        """Check every value."""
        for name, choices in _CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                raise ConfigError(
                    f"expected {name} in {', '.join(choices)}; got {value!r}; choose one of them"
                )
        _check_number("learning_rate", self.learning_rate, lowest_allowed=False)
        _check_number("weight_decay", self.weight_decay)
        for name in ("epochs", "warmup_steps"):
            if type(value := getattr(self, name)) is not int or value < 0:
                raise ConfigError(f"expected {name} as 0 or more; got {value!r}; raise it")
        if type(self.milestones) is not tuple:
            raise ConfigError(f"expected milestones as a tuple; got {self.milestones!r}; give shares in one")
        for milestone in self.milestones:
            _check_number("each of milestones", milestone)
        if self.milestones and self.schedule != "milestones":
            raise ConfigError(
                f"expected milestones with schedule 'milestones' alone; got them with {self.schedule!r}; "
                "leave them out"
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """All that decides what a training ends with, but for network and data.

    Attributes:
        stages: In order; each starts with the parameters that the one before ended with.
        batch_size: Images of one step, over all processes together.
        seed: Of parameters, order and augmentation.
        head_rate: Factor of the learning rate for all that is not backbone (segmentation: 10).
        average_decay: Decay of the exponential moving average of the parameters, which then is a stage's
            result in their place; 0 takes the parameters themselves.
        mixed_precision: Float convolutions and linear layers in bfloat16; CUDA only.
        label_smoothing: Share of a classification target that is spread over all classes.

    Raises:
        ConfigError: A value is out of range.
    """

    stages: tuple[Stage, ...]
    batch_size: int
    seed: int = 0
    head_rate: float = 1.0
    average_decay: float = 0.0
    mixed_precision: bool = False
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Check every value."""
        check_positive("batch_size", self.batch_size)
        if type(self.seed) is not int or not 0 <= self.seed < _SEEDS:
            raise ConfigError(f"expected seed from 0 to 2^63 - 1; got {self.seed!r}; choose another")
        if type(self.stages) is not tuple or not self.stages:
            raise ConfigError(f"expected at least one stage; got {self.stages!r}; add one")
        _check_number("head_rate", self.head_rate, lowest_allowed=False)
        for name in ("average_decay", "label_smoothing"):
            _check_number(name, value := getattr(self, name))
            if value >= 1:
                raise ConfigError(f"expected {name} below 1; got {value!r}; lower it")

    def replace(self, **overrides: Any) -> "Recipe":
        """A copy with other values."""
        return dataclasses.replace(self, **overrides)

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain values; those that equal their default are left out."""
        return to_plain(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Recipe":
        """The inverse of `to_dict`.

        Raises:
            ConfigError: A field is missing, unknown, or not valid.
        """
        return from_plain(cls, values)


def with_epochs(recipe: Recipe, *, pretrain_epochs: int | None, epochs: int | None) -> Recipe:
    """Another length: `epochs` for the last stage, `pretrain_epochs` for all before; None keeps the recipe's.

    Raises:
        ConfigError: The recipe has no stage before the last.
    """
    if pretrain_epochs is not None and len(recipe.stages) == 1:
        raise ConfigError(
            f"expected a recipe with a stage of pre-training; got one of a single stage and "
            f"{pretrain_epochs} epochs for it; leave the option out"
        )
    lengths = [pretrain_epochs] * (len(recipe.stages) - 1) + [epochs]
    return recipe.replace(
        stages=tuple(
            stage if length is None else dataclasses.replace(stage, epochs=length)
            for stage, length in zip(recipe.stages, lengths, strict=True)
        )
    )


def _check_number(name: str, value: float, *, lowest_allowed: bool = True) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and (value > 0 or (value == 0 and lowest_allowed)):
        return
    limit = "0 or more" if lowest_allowed else "more than 0"
    raise ConfigError(f"expected {name} as a number of {limit}; got {value!r}; raise it")


_CHOICES: dict[str, tuple[str, ...]] = {
    "precision": get_args(Precision),
    "optimizer": get_args(Optimizer),
    "schedule": get_args(Schedule),
}
