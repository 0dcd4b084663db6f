"""Naive reference of the bitserial convolution, in NumPy: a convolution of integers, no bit in sight."""

import numpy as np
from numpy.typing import NDArray

from tvm_schedules.reference import Pair, float_conv2d_reference


def bitserial_conv2d_reference(
    levels: NDArray[np.integer],
    weight: NDArray[np.integer],
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    pad_level: int = 0,
) -> NDArray[np.int64]:
    """`conv2d(pad(levels, pad_level), weight)`: NHWC levels, OIHW values -> int64 NHWC `[N, Ho, Wo, O]`."""
    (rows, columns) = padding
    padded = np.pad(
        levels.astype(np.float64),
        ((0, 0), (rows, rows), (columns, columns), (0, 0)),
        constant_values=pad_level,
    )
    out = float_conv2d_reference(padded, weight.astype(np.float64), stride, (0, 0), dilation)
    return out.astype(np.int64)
