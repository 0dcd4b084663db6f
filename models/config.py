"""The description of a Group-Net as data: one frozen dataclass whose every switch the network obeys."""

import dataclasses
import math
from typing import Any, ClassVar, Literal, get_args, get_type_hints

from models.config_fields import check_positive, from_plain, replace_fields, to_plain
from models.errors import ConfigError

Precision = Literal["binary", "tanh", "float"]
Fusion = Literal["average", "learned"]
Gate = Literal["none", "block", "base"]
GroupSize = Literal["layer", "block", "two_blocks", "net"]
Downsample = Literal["binary", "float", "pool"]
StemKind = Literal["imagenet", "small"]
BlockKind = Literal["basic", "bottleneck", "bireal", "xnor"]
WeightScale = Literal["tensor", "channel"]

BLOCK_EXPANSION: dict[str, int] = {"basic": 1, "bottleneck": 4, "bireal": 1, "xnor": 1}
"""Channels that a block gives for each of its 3x3 convolutions'."""

MAX_ACTIVATION_BITS = 4
"""More bits than the bitserial kernels take cost more than 8-bit integers."""

_STEM_STRIDE: dict[str, int] = {"imagenet": 4, "small": 1}


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupNetConfig:
    """What distinguishes one Group-Net from another.

    Attributes:
        depths: Residual blocks in each stage; every stage after the first halves the size and doubles the
            channels.
        width: Channels of the stem and of the first stage's 3x3 convolutions.
        bases: K, the homogeneous binary branches that rebuild each group.
        fusion: `average` takes 1/K of each branch (IJCV 2022); `learned` a scalar lambda per branch and
            group, drawn from U(0, 1) (CVPR 2019).
        gate: The soft connection before each group but the first: `block` has one gate that all bases share
            (the official code), `base` has one gate for each, `none` feeds the fused output to every base.
        group: What is decomposed: each convolution (`layer`, LBD), each residual block, each pair of
            successive blocks (the last group may be one block), or the whole `net` (an ensemble).
        downsample: The 1x1 stride-2 shortcut, one for all bases: `binary` (Group-Net), `float` (Group-Net**),
            or `pool`, a 2x2 average pool before a float 1x1 convolution (Bi-Real Net).
        pad_value: +1 or -1, the border around binarised activations.
        num_classes: Outputs of the classifier.
        in_channels: Channels of the image.
        input_size: Height and width of the image in pixels.
        stem: `imagenet` is a 7x7 stride-2 convolution, a 3x3 stride-2 max pool and batch norm; `small` is a
            3x3 convolution and batch norm.
        precision: `binary`; `tanh` replaces signs for pre-training; `float` binarises nothing.
        strides: Of the first block of each stage; empty: 1, then 2 for every further stage.
        rates: Dilation of the 3x3 convolutions of each stage: one rate for all bases, or K rates, one for
            each base (binary parallel atrous convolution); empty: 1 everywhere.
        block: `basic` has two 3x3 convolutions (ResNet-18 and 34), `bottleneck` 1x1, 3x3 and 1x1 with four
            times the channels at its end (ResNet-50). `bireal` and `xnor` are the blocks of Bi-Real Net and
            XNOR-Net, the baselines: two 3x3 convolutions, and one scale for each output channel.
        activation_bits: What the binary weights meet: 1, signs; 2 to 4, levels of DoReFa-Net's quantizer
            with a border of zeros (arXiv 1808.02631 and the appendix of arXiv 1811.10413).
        experts: E, branches of which each image runs K, chosen by its features at the cost of K bases (our
            design after the abstract of IJCV 2022); 0: all K branches run for each image.

    Raises:
        ConfigError: A value is out of range, or two values contradict each other.
    """

    task: ClassVar[str] = "classification"

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
    strides: tuple[int, ...] = ()
    rates: tuple[tuple[int, ...], ...] = ()
    block: BlockKind = "basic"
    activation_bits: int = 1
    experts: int = 0

    def __post_init__(self) -> None:
        """Check every value, then the pairs that contradict each other."""
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if value not in choices:
                raise ConfigError(
                    f"expected {name} in {', '.join(choices)}; got {value!r}; choose one of them"
                )
        for name in ("width", "bases", "num_classes", "in_channels", "input_size"):
            check_positive(name, getattr(self, name))
        if type(self.depths) is not tuple or not self.depths:
            raise ConfigError(
                f"expected depths as a tuple of block counts; got {self.depths!r}; give one per stage"
            )
        for depth in self.depths:
            check_positive("each of depths", depth)
        if type(self.pad_value) is not int or self.pad_value not in (1, -1):
            raise ConfigError(f"expected pad_value +1 or -1; got {self.pad_value!r}; a border is one bit")
        self._check_activation_bits()
        self._check_stages()
        if self.input_size < self.total_stride:
            raise ConfigError(
                f"expected an input of at least {self.total_stride} pixels, the stride of the whole net; "
                f"got {self.input_size}; use larger images or fewer stages"
            )
        self._check_experts()
        if self.gate != "none" and self.group in ("layer", "net"):
            raise ConfigError(
                f"expected gate 'none' with group {self.group!r}, which has no branch outputs to mix; "
                f"got gate {self.gate!r}; set gate='none' or group='block'"
            )

    def _check_activation_bits(self) -> None:
        bits = self.activation_bits
        if type(bits) is not int or not 1 <= bits <= MAX_ACTIVATION_BITS:
            raise ConfigError(
                f"expected activation_bits from 1 to {MAX_ACTIVATION_BITS}; got {bits!r}; "
                "use precision='float' beyond"
            )
        if bits > 1 and self.weight_scale != "tensor":
            raise ConfigError(
                f"expected activations of 1 bit in a {self.block} block, as its paper has them; got {bits}; "
                "set block='basic'"
            )
        if bits > 1 and self.pad_value != 1:
            raise ConfigError(
                f"expected no pad_value with activations of {bits} bits, whose border is 0; got "
                f"{self.pad_value}; leave it out"
            )

    def _check_experts(self) -> None:
        if type(self.experts) is not int or (self.experts != 0 and self.experts <= self.bases):
            raise ConfigError(
                f"expected experts as 0 or more than the {self.bases} bases that run; got {self.experts!r}; "
                "use more experts or fewer bases"
            )
        if not self.experts:
            return
        for name, value in (("gate", "none"), ("fusion", "average")):
            if getattr(self, name) != value:
                raise ConfigError(
                    f"expected {name} {value!r} with experts, which have weights of their own and hand on "
                    f"no outputs; got {getattr(self, name)!r}; set {name}={value!r}"
                )
        if self.group == "layer" or any(len(rates) > 1 for rates in self.rates):
            raise ConfigError(
                f"expected experts as equal branches; got group {self.group!r} and rates {self.rates!r}; "
                "set group='block' and one rate a stage"
            )

    def _check_stages(self) -> None:
        for name in ("strides", "rates"):
            value = getattr(self, name)
            if type(value) is not tuple or len(value) not in (0, len(self.depths)):
                raise ConfigError(
                    f"expected {name} for each of {len(self.depths)} stages, or none; got {value!r}; "
                    "give one entry a stage"
                )
        for stride in self.strides:
            check_positive("each of strides", stride)
        for rates in self.rates:
            if type(rates) is not tuple or len(rates) not in (1, self.bases):
                raise ConfigError(
                    f"expected one rate for all bases of a stage, or {self.bases}; got {rates!r}; "
                    "give one for each base"
                )
            for rate in rates:
                check_positive("each of rates", rate)
            if len(set(rates)) > 1 and self.group == "layer":
                raise ConfigError(
                    f"expected one rate a stage with group 'layer', whose bases share one input; got "
                    f"{rates!r}; set group='block'"
                )

    @property
    def branches(self) -> int:
        """Branches of a residual block: K bases, E experts, or one where each layer is decomposed itself."""
        return 1 if self.group == "layer" else self.experts or self.bases

    @property
    def weight_scale(self) -> WeightScale:
        """Whether mean |W| is taken over a whole convolution or for each of its output channels."""
        return "channel" if self.block in ("bireal", "xnor") else "tensor"

    @property
    def stage_strides(self) -> tuple[int, ...]:
        """Stride of the first block of each stage."""
        return self.strides or (1,) + (2,) * (len(self.depths) - 1)

    def stage_rates(self, stage: int) -> tuple[int, ...]:
        """Dilation of each branch in a stage."""
        rates = self.rates[stage] if self.rates else (1,)
        return rates[:1] * self.branches if len(set(rates)) == 1 else rates

    @property
    def total_stride(self) -> int:
        """Pixels of the input for each pixel of the last stage."""
        return _STEM_STRIDE[self.stem] * math.prod(self.stage_strides)

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels that each stage gives."""
        first = self.width * BLOCK_EXPANSION[self.block]
        return tuple(first * 2**stage for stage in range(len(self.depths)))

    def replace(self, **overrides: Any) -> "GroupNetConfig":
        """A copy with other values.

        Raises:
            UnknownNameError: An override names no field.
            ConfigError: The copy is not valid.
        """
        return replace_fields(self, "option of a Group-Net", overrides)

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values; those that equal their default are left out."""
        return to_plain(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "GroupNetConfig":
        """The inverse of `to_dict`.

        Raises:
            ConfigError: A field is missing, unknown, or not valid.
        """
        return from_plain(cls, values)


_CHOICES: dict[str, tuple[str, ...]] = {
    name: get_args(hint)
    for name, hint in get_type_hints(GroupNetConfig).items()
    if name in ("fusion", "gate", "group", "downsample", "stem", "precision", "block")
}
