"""What a checkpoint says about its network: how it was built and trained, and how its images are prepared."""

import dataclasses
from typing import Any

from models.errors import ConfigError
from models.networks import config_from_dict
from models.task_config import NetworkConfig


@dataclasses.dataclass(frozen=True)
class Preprocessing:
    """Image [H, W, C] uint8 to network input: resize, then `(pixel / 255 - mean) / std` for each channel.

    Attributes:
        input_size: Height and width in pixels after resizing.
        channels: C.
        mean: One value a channel, in units of the full range 0 to 1.
        std: One value a channel, in the same units.
    """

    input_size: int
    channels: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check that mean and std have one value for each channel and can divide."""
        if len(self.mean) != self.channels or len(self.std) != self.channels:
            raise ConfigError(
                f"expected a mean and a std for each of {self.channels} channels; got {len(self.mean)} and "
                f"{len(self.std)}; give one value a channel"
            )
        if any(not value > 0 for value in self.std):
            raise ConfigError(
                f"expected a positive std for each channel; got {self.std}; it divides the image"
            )


@dataclasses.dataclass(frozen=True)
class ModelMeta:
    """All that a checkpoint records beside the weights. It holds no date, so equal runs write equal files.

    Attributes:
        architecture: Registered name.
        config: The whole configuration, overrides included.
        task: `classification`, `segmentation` or `detection`.
        labels: One name for each class.
        preprocessing: How images become inputs.
        training_command: The command line that repeats the training; empty for random weights.
        seed: Seed of the parameters and of the training.
        metrics: Figures on the test set, such as `top1` in 0 to 1.
    """

    architecture: str
    config: NetworkConfig
    task: str
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    training_command: str
    seed: int
    metrics: dict[str, float]

    def __post_init__(self) -> None:
        """Check that labels and preprocessing fit the network."""
        if len(self.labels) != self.config.num_classes:
            raise ConfigError(
                f"expected {self.config.num_classes} labels, one a class; got {len(self.labels)}; "
                "correct them"
            )
        got = (self.preprocessing.input_size, self.preprocessing.channels)
        expected = (self.config.input_size, self.config.in_channels)
        if got != expected:
            raise ConfigError(
                f"expected preprocessing to {expected[0]} pixels and {expected[1]} channels; got "
                f"{got[0]} and {got[1]}; it must feed this network"
            )

    def to_dict(self) -> dict[str, Any]:
        """The record as plain JSON values."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        preprocessing = dataclasses.asdict(self.preprocessing)
        preprocessing |= {"mean": list(self.preprocessing.mean), "std": list(self.preprocessing.std)}
        return values | {
            "config": self.config.to_dict(),
            "labels": list(self.labels),
            "preprocessing": preprocessing,
            "metrics": dict(self.metrics),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "ModelMeta":
        """The inverse of `to_dict`.

        Raises:
            ConfigError: A field is missing, unknown, of another type, or does not fit the others.
        """
        _check_fields(cls, values)
        preprocessing = values["preprocessing"]
        _check_fields(Preprocessing, preprocessing)
        if not isinstance(values["config"], dict) or not isinstance(values["labels"], list):
            raise ConfigError(
                "expected config as a mapping and labels as a list; got other types; correct them"
            )
        return cls(
            **values
            | {
                "config": config_from_dict(values["task"], values["config"]),
                "labels": tuple(values["labels"]),
                "preprocessing": Preprocessing(
                    **preprocessing
                    | {"mean": tuple(preprocessing["mean"]), "std": tuple(preprocessing["std"])}
                ),
            }
        )


def _check_fields(cls: Any, values: Any) -> None:
    expected = sorted(field.name for field in dataclasses.fields(cls))
    if not isinstance(values, dict) or sorted(values) != expected:
        got = sorted(values) if isinstance(values, dict) else type(values).__name__
        raise ConfigError(f"expected the fields {expected}; got {got}; use the version that wrote them")
