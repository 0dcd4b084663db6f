"""The architectures by name. Listing them needs no torch; `build` imports it."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from models.config import Precision
from models.errors import UnknownNameError
from models.task_config import NetworkConfig

if TYPE_CHECKING:
    from torch import nn


@dataclasses.dataclass(frozen=True)
class ArchitectureInfo:
    """What a user needs to know to choose an architecture; sizes in pixels."""

    name: str
    task: str
    input_size: int
    in_channels: int
    num_classes: int
    default_bases: int
    description: str


Builder = Callable[[], NetworkConfig]
_BUILDERS: dict[str, tuple[str, Builder]] = {}


def register(description: str) -> Callable[[Builder], Builder]:
    """Register the decorated function, which returns a configuration, under its own name."""

    def add(builder: Builder) -> Builder:
        _BUILDERS[builder.__name__] = (description, builder)
        return builder

    return add


def architectures() -> list[ArchitectureInfo]:
    """All registered architectures in order of registration."""
    infos = []
    for name, (description, builder) in _BUILDERS.items():
        config = builder()
        infos.append(
            ArchitectureInfo(
                name,
                config.task,
                config.input_size,
                config.in_channels,
                config.num_classes,
                config.bases,
                description,
            )
        )
    return infos


def config_of(name: str) -> NetworkConfig:
    """The default configuration of an architecture.

    Raises:
        UnknownNameError: No architecture has that name; the message lists the closest ones.
    """
    if name not in _BUILDERS:
        raise UnknownNameError("architecture", name, _BUILDERS)
    return _BUILDERS[name][1]()


def build(
    name: str,
    *,
    bases: int | None = None,
    input_size: int | None = None,
    num_classes: int | None = None,
    precision: Precision = "binary",
    seed: int = 0,
    **overrides: Any,
) -> "nn.Module":
    """A network with random parameters, in training mode, the same for the same seed.

    Args:
        name: A registered architecture.
        bases: K; the architecture's default if None.
        input_size: Height and width in pixels; the architecture's default if None.
        num_classes: Outputs of the classifier; the architecture's default if None.
        precision: `binary`, `tanh` (pre-training) or `float` (the float twin); the parameters' names are the
            same.
        seed: Seed of the parameters; the global generator is left as it was.
        **overrides: Any other field of `GroupNetConfig`, such as `gate="none"` or `downsample="float"`.

    Raises:
        UnknownNameError: No such architecture or option.
        ConfigError: The values contradict each other.
    """
    import torch

    from models.networks import make_network

    given = {"bases": bases, "input_size": input_size, "num_classes": num_classes}
    overrides |= {key: value for key, value in given.items() if value is not None}
    config = config_of(name).replace(precision=precision, **overrides)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make_network(config)


# They register themselves with the functions above, in this order.
# isort: off
import models.registered  # noqa: E402
import models.segmentation.registered  # noqa: E402
import models.detection.registered  # noqa: E402, F401
