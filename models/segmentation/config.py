"""The description of a segmentation network as data."""

import dataclasses
from typing import Any, ClassVar, Literal, Self, get_args

from models.config_fields import check_positive
from models.errors import ConfigError
from models.segmentation.parallel_rates import is_parallel, parallel_rates
from models.task_config import BackboneTaskConfig

SegmentationHead = Literal["fcn32s", "fcn16s", "fcn8s", "dilated", "deeplabv3"]

_STAGES: dict[str, int] = {"fcn32s": 1, "fcn16s": 2, "fcn8s": 3, "dilated": 1, "deeplabv3": 1}


@dataclasses.dataclass(frozen=True, kw_only=True)
class SegmentationConfig(BackboneTaskConfig):
    """A backbone (with the dilation of `backbone.rates`) and a head; class 0 is the background.

    Attributes:
        head: `fcn32s`, `fcn16s`, `fcn8s` score the last one, two or three stages and add them up
            (Long et al., CVPR 2015), whatever their strides are; `dilated` is the official code's one float
            head on the last stage, for a backbone of output stride 8; `deeplabv3` is the official code's
            binary ASPP.
        aspp_rates: Dilation of the 3x3 branches of `deeplabv3`.

    Raises:
        ConfigError: A value is out of range, or the backbone has no map that the head needs.
    """

    task: ClassVar[str] = "segmentation"

    head: SegmentationHead
    aspp_rates: tuple[int, ...] = (12, 24, 36)

    def __post_init__(self) -> None:
        """Check the head's fields; the backbone checked its own."""
        if self.head not in get_args(SegmentationHead):
            choices = ", ".join(get_args(SegmentationHead))
            raise ConfigError(f"expected head in {choices}; got {self.head!r}; choose one of them")
        if type(self.aspp_rates) is not tuple or not self.aspp_rates:
            raise ConfigError(
                f"expected aspp_rates as a tuple of dilations; got {self.aspp_rates!r}; give at least one"
            )
        for rate in self.aspp_rates:
            check_positive("each of aspp_rates", rate)
        stages = len(self.backbone.depths)
        if len(self.head_stages) > stages:
            raise ConfigError(
                f"expected a backbone of at least {_STAGES[self.head]} stages for head {self.head!r}; got "
                f"{stages}; add stages or use head='fcn32s'"
            )

    @property
    def head_stages(self) -> tuple[int, ...]:
        """The backbone's stages, counted from 0, whose maps the head reads, the coarsest first."""
        last = len(self.backbone.depths) - 1
        return tuple(range(last, last - _STAGES[self.head], -1))

    def replace(self, **overrides: Any) -> Self:
        """A copy with other values; parallel rates follow `bases` unless `rates` are given too.

        Raises:
            UnknownNameError: An override names no field.
            ConfigError: The copy is not valid.
        """
        rates = self.backbone.rates
        if "bases" in overrides and not {"rates", "backbone"} & set(overrides):
            bases = overrides["bases"]
            check_positive("bases", bases)
            if is_parallel(rates, self.bases):
                dilated = sum(stage != (1,) for stage in rates)
                overrides["rates"] = parallel_rates(len(rates), dilated, bases)
        return super().replace(**overrides)
