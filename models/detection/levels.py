"""The levels of a feature pyramid: how coarse each is, and how many locations it has in an image."""

import dataclasses
import itertools
import math

import numpy as np
import numpy.typing as npt

from models.detection.config import DetectionConfig


@dataclasses.dataclass(frozen=True)
class Level:
    """One map of the pyramid; location (row i, column j) stands for stride x stride pixels of the image.

    Attributes:
        stride: Pixels of the image from one location to the next.
        height: Rows of locations.
        width: Columns of locations.
    """

    stride: int
    height: int
    width: int

    def centres(self) -> npt.NDArray[np.float32]:
        """The middle (x, y) of each location's area in pixels, row by row, float32 [height * width, 2]."""
        rows, columns = np.indices((self.height, self.width), np.float32)
        centres = (np.stack([columns, rows], -1).reshape(-1, 2) + 0.5) * self.stride
        return centres.astype(np.float32)


def level_strides(config: DetectionConfig) -> tuple[int, ...]:
    """Stride of each level in pixels, the finest first."""
    backbone = config.backbone
    stem = backbone.total_stride // math.prod(backbone.stage_strides)
    stages = list(itertools.accumulate(backbone.stage_strides, lambda a, b: a * b, initial=stem))[1:]
    extra = [stages[-1] * 2**level for level in range(1, config.extra_levels + 1)]
    return (*stages[config.first_stage :], *extra)


def pyramid_levels(config: DetectionConfig, image_size: tuple[int, int]) -> tuple[Level, ...]:
    """The levels of an image of `image_size` (height, width in pixels), the finest first.

    Every layer that halves a map rounds up, so that a level has ceil(size / stride) locations a side.
    """
    height, width = image_size
    return tuple(
        Level(stride, math.ceil(height / stride), math.ceil(width / stride))
        for stride in level_strides(config)
    )
