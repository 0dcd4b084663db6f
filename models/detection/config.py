"""The description of a detection network as data."""

import dataclasses
from typing import ClassVar, Literal, get_args

from models.config_fields import check_positive
from models.errors import ConfigError
from models.task_config import BackboneTaskConfig

Detector = Literal["fcos", "retinanet"]


@dataclasses.dataclass(frozen=True, kw_only=True)
class DetectionConfig(BackboneTaskConfig):
    """A backbone, a feature pyramid and a detector's towers; classes are counted without a background.

    Attributes:
        detector: `fcos` (Tian et al., ICCV 2019) or `retinanet` (Lin et al., ICCV 2017).
        pyramid_channels: Channels of each pyramid level and of the towers.
        tower_depth: 3x3 convolutions in each tower before the prediction layer.
        first_stage: The first stage, counted from 0, that the pyramid takes; later ones follow.
        extra_levels: Levels above the last stage, each of twice the stride.
        reach: FCOS: a level learns objects whose sides are up to this many of its strides away from the
            location, and more than the level below learns. 8 is the paper's, for images of 800 pixels;
            small images need less, or all objects fall to the first level.

    Raises:
        ConfigError: A value is out of range.
    """

    task: ClassVar[str] = "detection"

    detector: Detector
    pyramid_channels: int
    tower_depth: int = 4
    first_stage: int = 1
    extra_levels: int = 2
    reach: int = 8

    def __post_init__(self) -> None:
        """Check the detector's fields; the backbone checked its own."""
        if self.detector not in get_args(Detector):
            choices = ", ".join(get_args(Detector))
            raise ConfigError(f"expected detector in {choices}; got {self.detector!r}; choose one of them")
        for name in ("pyramid_channels", "tower_depth", "reach"):
            check_positive(name, getattr(self, name))
        stages = len(self.backbone.depths)
        if type(self.first_stage) is not int or not 0 <= self.first_stage < stages:
            raise ConfigError(
                f"expected first_stage from 0 to {stages - 1}; got {self.first_stage!r}; the backbone has "
                f"{stages} stages"
            )
        if type(self.extra_levels) is not int or self.extra_levels < 0:
            raise ConfigError(
                f"expected extra_levels as 0 or more; got {self.extra_levels!r}; use 2 for P6 and P7"
            )
        if any(stride < 2 for stride in self.backbone.stage_strides[self.first_stage + 1 :]):
            raise ConfigError(
                f"expected each stage of the pyramid to be coarser than the one before; got strides "
                f"{self.backbone.stage_strides}; use a backbone without stages of stride 1 there"
            )
