"""The description of a Group-Net as data: one frozen dataclass whose every switch the network obeys."""

import dataclasses
from typing import Any, Literal, get_args, get_type_hints

from models.errors import ConfigError, UnknownNameError

Precision = Literal["binary", "tanh", "float"]
Fusion = Literal["average", "learned"]
Gate = Literal["none", "block", "base"]
GroupSize = Literal["layer", "block", "two_blocks", "net"]
Downsample = Literal["binary", "float"]
StemKind = Literal["imagenet", "small"]

_STEM_STRIDE: dict[str, int] = {"imagenet": 4, "small": 1}


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupNetConfig:
    """What distinguishes one Group-Net from another.

    Attributes:
        depths: Residual blocks in each stage; every stage after the first halves the size and doubles the
            channels.
        width: Channels of the first stage.
        bases: K, the homogeneous binary branches that rebuild each group.
        fusion: `average` takes 1/K of each branch (IJCV 2022); `learned` a scalar lambda per branch and
            group, drawn from U(0, 1) (CVPR 2019).
        gate: The soft connection before each group but the first: `block` has one gate that all bases share
            (the official code), `base` has one gate for each, `none` feeds the fused output to every base.
        group: What is decomposed: each convolution (`layer`, LBD), each residual block, each pair of
            successive blocks (the last group may be one block), or the whole `net` (an ensemble).
        downsample: The 1x1 stride-2 shortcut, one for all bases: `binary` (Group-Net) or `float`
            (Group-Net**).
        pad_value: +1 or -1, the border around binarised activations.
        num_classes: Outputs of the classifier.
        in_channels: Channels of the image.
        input_size: Height and width of the image in pixels.
        stem: `imagenet` is a 7x7 stride-2 convolution, a 3x3 stride-2 max pool and batch norm; `small` is a
            3x3 convolution and batch norm.
        precision: `binary`; `tanh` replaces signs for pre-training; `float` binarises nothing.

    Raises:
        ConfigError: A value is out of range, or two values contradict each other.
    """

    depths: tuple[int, ...]
    width: int
    bases: int
    num_classes: int
    in_channels: int
    input_size: int
    stem: StemKind
    fusion: Fusion = "average"
    gate: Gate = "block"
    group: GroupSize = "block"
    downsample: Downsample = "binary"
    pad_value: int = 1
    precision: Precision = "binary"

    def __post_init__(self) -> None:
        """Check every value, then the pairs that contradict each other."""
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise ConfigError(
                    f"expected {name} in {', '.join(choices)}; got {value!r}; choose one of them"
                )
        for name in ("width", "bases", "num_classes", "in_channels", "input_size"):
            _check_positive(name, getattr(self, name))
        if type(self.depths) is not tuple or not self.depths:
            raise ConfigError(
                f"expected depths as a tuple of block counts; got {self.depths!r}; give one per stage"
            )
        for depth in self.depths:
            _check_positive("each of depths", depth)
        if type(self.pad_value) is not int or self.pad_value not in (1, -1):
            raise ConfigError(f"expected pad_value +1 or -1; got {self.pad_value!r}; a border is one bit")
        if self.input_size < self.total_stride:
            raise ConfigError(
                f"expected an input of at least {self.total_stride} pixels, the stride of the whole net; "
                f"got {self.input_size}; use larger images or fewer stages"
            )
        if self.gate != "none" and self.group in ("layer", "net"):
            raise ConfigError(
                f"expected gate 'none' with group {self.group!r}, which has no branch outputs to mix; "
                f"got gate {self.gate!r}; set gate='none' or group='block'"
            )

    @property
    def total_stride(self) -> int:
        """Pixels of the input for each pixel of the last stage."""
        stride: int = _STEM_STRIDE[self.stem] * 2 ** (len(self.depths) - 1)
        return stride

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of each stage."""
        return tuple(self.width * 2**stage for stage in range(len(self.depths)))

    def replace(self, **overrides: Any) -> "GroupNetConfig":
        """A copy with other values.

        Raises:
            UnknownNameError: An override names no field.
            ConfigError: The copy is not valid.
        """
        fields = [field.name for field in dataclasses.fields(self)]
        for name in overrides:
            if name not in fields:
                raise UnknownNameError("option of a Group-Net", name, fields)
        return dataclasses.replace(self, **overrides)

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return dataclasses.asdict(self) | {"depths": list(self.depths)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "GroupNetConfig":
        """The inverse of `to_dict`.

        Raises:
            ConfigError: A field is missing, unknown, or not valid.
        """
        expected = {field.name for field in dataclasses.fields(cls)}
        if set(values) != expected:
            raise ConfigError(
                f"expected the {len(expected)} fields of a Group-Net; missing "
                f"{sorted(expected - set(values))}, unknown {sorted(set(values) - expected)}; "
                "use the version that wrote them"
            )
        if not isinstance(values["depths"], list):
            raise ConfigError(
                f"expected depths as a list; got {values['depths']!r}; give one block count per stage"
            )
        return cls(**(values | {"depths": tuple(values["depths"])}))


def _check_positive(name: str, value: object) -> None:
    if type(value) is not int or value < 1:
        raise ConfigError(f"expected {name} as a positive integer; got {value!r}; use 1 or more")


_CHOICES: dict[str, tuple[str, ...]] = {
    name: get_args(hint)
    for name, hint in get_type_hints(GroupNetConfig).items()
    if name in ("fusion", "gate", "group", "downsample", "stem", "precision")
}
