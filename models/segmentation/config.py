"""The description of a segmentation network as data."""

import dataclasses
from typing import ClassVar, Literal, get_args

from models.config_fields import check_positive
from models.errors import ConfigError
from models.task_config import BackboneTaskConfig

SegmentationHead = Literal["fcn32s", "fcn16s", "fcn8s", "dilated", "deeplabv3"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class SegmentationConfig(BackboneTaskConfig):
    """A backbone (with the dilation of `backbone.rates`) and a head; class 0 is the background.

    Attributes:
        head: `fcn32s`, `fcn16s`, `fcn8s` score the last one, two or three stages and add them up
            (Long et al., CVPR 2015); `dilated` is the official code's one float head on the last stage, for a
            backbone of output stride 8; `deeplabv3` is the official code's binary ASPP.
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
