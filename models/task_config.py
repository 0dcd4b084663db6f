"""What descriptions of networks have in common whatever the task, and the base of those with a backbone."""

import dataclasses
from typing import Any, ClassVar, Protocol, Self

from models.config import GroupNetConfig, Precision
from models.config_fields import from_plain, to_plain
from models.errors import ConfigError, UnknownNameError


class NetworkConfig(Protocol):
    """What every description of a network says, whatever the network is for."""

    task: ClassVar[str]

    @property
    def bases(self) -> int:
        """K."""

    @property
    def input_size(self) -> int:
        """Height and width of the image in pixels."""

    @property
    def in_channels(self) -> int:
        """Channels of the image."""

    @property
    def num_classes(self) -> int:
        """How many classes the outputs tell apart."""

    @property
    def precision(self) -> Precision:
        """`binary`, `tanh` or `float`."""

    def replace(self, **overrides: Any) -> Self:
        """A copy with other values."""

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class BackboneTaskConfig:
    """A network that is a backbone and a head; subclasses add the head's fields.

    Attributes:
        backbone: The backbone; its `num_classes` are the classes that the head tells apart.
    """

    task: ClassVar[str]

    backbone: GroupNetConfig

    @property
    def bases(self) -> int:
        """K of the backbone and of every decomposed layer of the head."""
        return self.backbone.bases

    @property
    def input_size(self) -> int:
        """Height and width of the image in pixels."""
        return self.backbone.input_size

    @property
    def in_channels(self) -> int:
        """Channels of the image."""
        return self.backbone.in_channels

    @property
    def num_classes(self) -> int:
        """How many classes the head tells apart."""
        return self.backbone.num_classes

    @property
    def precision(self) -> Precision:
        """Of the backbone and the head's binary layers."""
        return self.backbone.precision

    def replace(self, **overrides: Any) -> Self:
        """A copy with other values of the head's fields or of the backbone's.

        Raises:
            UnknownNameError: An override names no field.
            ConfigError: The copy is not valid.
        """
        own = {field.name for field in dataclasses.fields(self)}
        backbones = {field.name for field in dataclasses.fields(GroupNetConfig)}
        for name in overrides:
            if name not in own | backbones:
                raise UnknownNameError(f"option of a {self.task} network", name, own | backbones)
        backbone = overrides.pop("backbone", self.backbone)
        if not isinstance(backbone, GroupNetConfig):
            raise ConfigError(
                f"expected the backbone's fields by their own names; got {backbone!r} for all of it; give "
                "each on its own, such as width=16"
            )
        forwarded = {name: overrides.pop(name) for name in list(overrides) if name not in own}
        return dataclasses.replace(self, backbone=backbone.replace(**forwarded), **overrides)

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values; those that equal their default are left out."""
        return to_plain(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """The inverse of `to_dict`.

        Raises:
            ConfigError: A field is missing, unknown, or not valid.
        """
        return from_plain(cls, values)
