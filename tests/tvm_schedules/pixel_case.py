"""A convolution of pixels with everything that its kernel is given, and what float64 makes of it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from tvm_schedules.pixel_conv2d import pixel_conv2d_kernel
from tvm_schedules.pixel_weights import (
    PixelConv2dShape,
    pack_pixel_offsets,
    pack_pixel_scale,
    pack_pixel_weights,
)
from tvm_schedules.reference import float_conv2d_reference

UNIT = 2.0**-24
"""Half the distance from 1 to the next float32: what a rounding changes at most, of 1."""


@dataclass(frozen=True)
class PixelCase:
    """Pixels, weights, the pixel values that stand for 0, and a bias."""

    shape: PixelConv2dShape
    pixels: np.ndarray[Any, Any]
    weight: np.ndarray[Any, Any]
    zero: np.ndarray[Any, Any]
    bias: np.ndarray[Any, Any]

    @classmethod
    def random(cls, shape: PixelConv2dShape, seed: int = 0) -> "PixelCase":
        """Pixels of all values, normal weights of about 1/64, zeros that are no integers."""
        rng = np.random.default_rng(seed)
        return cls(
            shape,
            rng.integers(0, 256, shape.in_shape, np.uint8),
            (rng.standard_normal((shape.out_channels, shape.in_channels, *shape.kernel)) / 64).astype(
                np.float32
            ),
            rng.uniform(0, 255, shape.in_channels).astype(np.float32),
            rng.standard_normal(shape.out_channels).astype(np.float32),
        )

    def operands(self, target: Any) -> tuple[np.ndarray[Any, Any], ...]:
        """What the kernel reads."""
        return (
            self.pixels,
            pack_pixel_weights(self.weight, target),
            pack_pixel_scale(self.weight, target),
            pack_pixel_offsets(self.weight, self.zero, self.bias, self.shape, target),
        )

    def kernel(self, target: Any, **options: Any) -> Any:
        """The kernel."""
        return pixel_conv2d_kernel(self.shape, target, **{"relu": False, **options})

    def convolved(self, x: Any, weight: Any, bias: Any = None, *, relu: bool = False) -> Any:
        """A convolution in float64."""
        shape = self.shape
        return float_conv2d_reference(x, weight, shape.stride, shape.padding, shape.dilation, bias, relu=relu)

    def expected(self, *, relu: bool = False) -> Any:
        """The result in float64."""
        return self.convolved(self.pixels - self.zero.astype(np.float64), self.weight, self.bias, relu=relu)

    def bound(self) -> Any:
        """The most that a result may be off.

        Of each weight half of what its last digit is worth; then three roundings, of sums of pixels times
        weights and of the offset: twice that where the sums of digits cancel each other.
        """
        largest = np.broadcast_to(
            np.abs(self.weight).max(axis=(1, 2, 3), keepdims=True).astype(np.float64), self.weight.shape
        )
        distance = np.abs(self.pixels - self.zero.astype(np.float64))
        # NEON's pixels are less 128, which the offset makes good.
        sums = self.convolved(self.pixels + (128 + np.abs(self.zero.astype(np.float64))), np.abs(self.weight))
        weights = self.convolved(distance, largest) + self.convolved(self.pixels / 256, largest)
        tiny = 256 * self.shape.taps * float(np.finfo(np.float32).tiny)
        return UNIT * (1.01 * weights + 6 * sums + 3 * np.abs(self.bias)) + tiny
