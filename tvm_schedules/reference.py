"""Naive references, in NumPy: what each kernel must compute, written once and never tuned."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pair = tuple[int, int]


def sign(x: NDArray[np.floating]) -> NDArray[np.int32]:
    """+1 where `x >= 0` (0.0 and -0.0 included), else -1; int32, same shape."""
    return np.where(x >= 0, 1, -1).astype(np.int32)


def _convolve(padded: NDArray[Any], weight: NDArray[Any], stride: Pair, dilation: Pair) -> NDArray[Any]:
    """Sum over kernel positions of `[N, Ho, Wo, C] @ [C, O]`; no padding; NHWC and OIHW."""
    kernel_height, kernel_width = weight.shape[2:]
    out_height = (padded.shape[1] - dilation[0] * (kernel_height - 1) - 1) // stride[0] + 1
    out_width = (padded.shape[2] - dilation[1] * (kernel_width - 1) - 1) // stride[1] + 1
    out = np.zeros((padded.shape[0], out_height, out_width, weight.shape[0]), padded.dtype)
    for kh in range(kernel_height):
        for kw in range(kernel_width):
            top, left = kh * dilation[0], kw * dilation[1]
            window = padded[
                :,
                top : top + (out_height - 1) * stride[0] + 1 : stride[0],
                left : left + (out_width - 1) * stride[1] + 1 : stride[1],
            ]
            out += window @ weight[:, :, kh, kw].T
    return out


def binary_conv2d_reference(
    x: NDArray[np.floating],
    weight: NDArray[np.floating],
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    pad_value: int = 1,
) -> NDArray[np.int32]:
    """`conv2d(pad(sign(x), pad_value), sign(weight))`, float NHWC and OIHW -> int32 NHWC `[N, Ho, Wo, O]`."""
    (rows, columns) = padding
    padded = np.pad(sign(x), ((0, 0), (rows, rows), (columns, columns), (0, 0)), constant_values=pad_value)
    return _convolve(padded, sign(weight), stride, dilation).astype(np.int32)


def float_conv2d_reference(
    x: NDArray[np.floating],
    weight: NDArray[np.floating],
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
    bias: NDArray[np.floating] | None = None,
    relu: bool = False,
) -> NDArray[np.float64]:
    """Zero-padded convolution in float64, NHWC and OIHW -> `[N, Ho, Wo, O]`, then bias, then ReLU."""
    (rows, columns) = padding
    padded = np.pad(x.astype(np.float64), ((0, 0), (rows, rows), (columns, columns), (0, 0)))
    out = _convolve(padded, weight.astype(np.float64), stride, dilation).astype(np.float64)
    if bias is not None:
        out = out + bias
    return np.maximum(out, 0) if relu else out


def dense_reference(
    x: NDArray[np.floating],
    weight: NDArray[np.floating],
    bias: NDArray[np.floating] | None = None,
    relu: bool = False,
) -> NDArray[np.float64]:
    """`x @ weight.T` in float64, `[N, C]` and `[O, C]` -> `[N, O]`, then bias, then ReLU."""
    out: NDArray[np.float64] = x.astype(np.float64) @ weight.astype(np.float64).T
    if bias is not None:
        out = out + bias
    return np.maximum(out, 0) if relu else out
