"""What a detector found in one image."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Detections:
    """Objects by falling score, in pixels of the network's input.

    Attributes:
        boxes: x1, y1, x2, y2, x2 and y2 exclusive; float32 [n, 4].
        scores: 0 to 1; float32 [n].
        classes: From 0; int64 [n].
    """

    boxes: npt.NDArray[np.float32]
    scores: npt.NDArray[np.float32]
    classes: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """Number of objects."""
        return len(self.scores)
