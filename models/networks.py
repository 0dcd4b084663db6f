"""From a description to a network, and from a file's plain values to a description, for every task."""

from typing import TYPE_CHECKING, Any

from models.config import GroupNetConfig
from models.detection.config import DetectionConfig
from models.errors import ConfigError
from models.segmentation.config import SegmentationConfig
from models.task_config import NetworkConfig

if TYPE_CHECKING:
    from torch import nn

_CONFIGS: dict[str, type[GroupNetConfig] | type[SegmentationConfig] | type[DetectionConfig]] = {
    config.task: config for config in (GroupNetConfig, SegmentationConfig, DetectionConfig)
}


def make_network(config: NetworkConfig) -> "nn.Module":
    """Allocate the network of `config` and draw its parameters from torch's global generator.

    Raises:
        ConfigError: The values contradict each other.
    """
    if isinstance(config, GroupNetConfig):
        from models.group_net import GroupNet

        return GroupNet(config)
    if isinstance(config, SegmentationConfig):
        from models.segmentation.network import SegmentationNet

        return SegmentationNet(config)
    if isinstance(config, DetectionConfig):
        from models.detection.network import DetectionNet

        return DetectionNet(config)
    raise ConfigError(
        f"expected the description of a Group-Net; got a {type(config).__name__}; use one of the registry"
    )


def config_from_dict(task: str, values: dict[str, Any]) -> NetworkConfig:
    """The description that `to_dict` of a config for `task` wrote.

    Raises:
        ConfigError: No such task; or a field is missing, unknown, or not valid.
    """
    if task not in _CONFIGS:
        raise ConfigError(
            f"expected a task in {', '.join(_CONFIGS)}; got {task!r}; use the version that wrote it"
        )
    config: NetworkConfig = _CONFIGS[task].from_dict(values)
    return config
