"""The 256 colours of PASCAL VOC's masks: a class index, and the colour that people see it in."""

import numpy as np
import numpy.typing as npt


def voc_palette() -> npt.NDArray[np.uint8]:
    """RGB of each index, uint8 [256, 3]; 0 is black, 1 dark red, and 255 the cream of VOC's borders.

    Three bits of the index at a time go to red, green and blue, from the highest bit of the colour downwards.
    """
    index = np.arange(256)[:, None]
    colours = np.zeros((256, 3), np.int64)
    for step in range(8):
        colours |= (index >> (3 * step + np.arange(3)) & 1) << (7 - step)
    return colours.astype(np.uint8)
