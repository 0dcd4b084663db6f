"""Weights of a convolution of uint8 pixels as signed digits, and what its border and bias add to the sums.

    w ~= s_o * (65536 * d2 + 256 * d1 + d0)      d in [-128, 127], s_o float32, one for each output channel

`s_o` is the channel's largest |w| over `LARGEST`. A weight is off by at most `s_o / 2`, 1.004 * 2**-24 of the
channel's largest: about what rounding to float32 does to that one.

The kernel sums digits times pixels over all taps, with pixels of 0 in the border; but an image is 0 where its
pixels are `zero`, and so is its border:

    y = sum over taps inside (p - zero) w + bias
      = sum over all taps p w + offsets          offsets = bias - sum over taps inside zero w

Which taps are inside depends on the output's row and column: there is one row of offsets for each case
(`AxisCases`). They are summed in float64, of the weights that the digits stand for.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tvm import tirx
from tvm.target import Target

from tvm_schedules.cores import register_file
from tvm_schedules.errors import KernelError
from tvm_schedules.geometry import ConvolutionShape, check_weight_axes
from tvm_schedules.partition import parts
from tvm_schedules.targets import InstructionSet, instruction_set
from tvm_schedules.tile import RegisterFile, weight_block

DIGITS = 3
LARGEST = 127 * (65536 + 256 + 1)
"""The largest number of three digits whose negative has three digits too."""

GROUP = 4
"""Taps that one 32-bit lane multiplies and sums at once."""

MOST_TAPS = (1 << 31) // (255 * 128 * 257)
"""Taps whose sums of the upper two digits, `256 * a2 + a1`, int32 holds; one digit's are below 2**23."""

# What NEON's signed pixels lack.
_SIGN_OFFSET = 128


@dataclass(frozen=True)
class PixelConv2dShape(ConvolutionShape):
    """Geometry of a convolution of uint8 pixels; `height` and `width` are those of the unpadded image.

    Raises:
        KernelError: if an extent is not positive or nothing is left to compute.
    """

    @property
    def in_shape(self) -> tuple[int, int, int, int]:
        """Shape of the uint8 NHWC image."""
        return self.batch, self.height, self.width, self.in_channels

    @property
    def groups(self) -> int:
        """32-bit words of an output's pixels: four taps each, in the order kh, kw, c."""
        return parts(self.taps, GROUP)

    @property
    def runs(self) -> tuple[int, int]:
        """How many runs of consecutive bytes an output reads of one row, and the length of each."""
        if self.dilation[1] == 1:
            return 1, self.kernel[1] * self.in_channels
        return self.kernel[1], self.in_channels

    @property
    def cases(self) -> tuple["AxisCases", "AxisCases"]:
        """The cases of rows and of columns."""
        rows, columns = (
            _axis_cases(extent, out, *(pair[axis] for pair in self._window))
            for axis, (extent, out) in enumerate(
                ((self.height, self.out_height), (self.width, self.out_width))
            )
        )
        return rows, columns

    @property
    def _window(self) -> tuple[tuple[int, int], ...]:
        return self.kernel, self.stride, self.padding, self.dilation


@dataclass(frozen=True)
class AxisCases:
    """Outputs along one axis, told apart by which of their taps are inside the image.

    Attributes:
        before: outputs at the beginning, a case each; those behind them, up to `behind`, are one case.
        behind: first of the outputs at the end, a case each.
        positions: an output of each case.
    """

    before: int
    behind: int
    positions: tuple[int, ...]

    def of(self, position: Any) -> Any:
        """The case of an output, as an expression."""
        at = tirx.convert(position)
        first = tirx.min(at, tirx.const(self.before, "int32"))
        return first + tirx.max(at - (self.behind - 1), tirx.const(0, "int32"))


def _axis_cases(extent: int, out: int, kernel: int, stride: int, padding: int, dilation: int) -> AxisCases:
    before = min(out, parts(padding, stride))
    behind = max(0, min(out, parts(extent + padding - dilation * (kernel - 1), stride)))
    if behind < before:  # some outputs reach past both ends: each is a case
        before = behind = out
    return AxisCases(before, behind, (*range(before + 1), *range(behind, out)))


def pixel_registers(target: Target) -> RegisterFile | None:
    """The register file with the budget of pixels for that of floats; None: bytes cannot be multiplied."""
    registers = register_file(target)
    if registers.pixel is None:
        return None
    return replace(registers, float=registers.pixel)


def needed_registers(target: Target) -> RegisterFile:
    """The same where there must be one.

    Raises:
        KernelError: the target multiplies no bytes.
    """
    registers = pixel_registers(target)
    if registers is None:
        raise KernelError(
            f"expected a target with a byte dot product (avx512vnni, dotprod); got {target}; "
            "take `float_conv2d`"
        )
    return registers


def pixel_weight_block(out_channels: int, target: Target) -> int:
    """`ot`: output channels in a block of packed weights."""
    return weight_block(out_channels, needed_registers(target), binary=False)


def pixel_scale(weight: NDArray[np.floating]) -> NDArray[np.float32]:
    """`s_o` of an OIHW weight: float32 `[O]`, no less than the smallest normal number."""
    check_weight_axes(weight.ndim, 4, "OIHW")
    largest = np.abs(weight.astype(np.float64)).max(axis=(1, 2, 3)) / LARGEST
    scale = largest.astype(np.float32)
    # Rounded up, so that the largest weight has no more than three digits.
    scale[scale < largest] = np.nextafter(scale, np.float32(np.inf))[scale < largest]
    kept: NDArray[np.float32] = np.maximum(scale, np.finfo(np.float32).tiny)
    return kept


def pixel_digits(weight: NDArray[np.floating]) -> NDArray[np.int8]:
    """The digits of an OIHW weight, the highest first: int8 `[3, O, I, H, W]`."""
    scale = pixel_scale(weight).astype(np.float64)[:, None, None, None]
    rest = np.rint(weight / scale).astype(np.int64)
    digits = []
    for _ in range(DIGITS):
        low = (rest + 128) % 256 - 128
        digits.append(low)
        rest = (rest - low) // 256
    return np.stack(digits[::-1]).astype(np.int8)


def pack_pixel_weights(weight: NDArray[np.floating], target: Target) -> NDArray[np.int8]:
    """Block the digits of an OIHW weight: int8 `[ceil(O/ot), groups, 3, ot, 4]`, zeros past the last channel.

    Raises:
        KernelError: if `weight` is not 4-dimensional, or the target multiplies no bytes.
    """
    digits = pixel_digits(weight).transpose(1, 0, 3, 4, 2)
    out_channels, taps = weight.shape[0], weight[0].size
    block = pixel_weight_block(out_channels, target)
    blocks, groups = parts(out_channels, block), parts(taps, GROUP)
    filled = np.zeros((blocks * block, DIGITS, groups * GROUP), np.int8)
    filled[:out_channels, :, :taps] = digits.reshape(out_channels, DIGITS, taps)
    grouped = filled.reshape(blocks, block, DIGITS, groups, GROUP)
    return np.ascontiguousarray(grouped.transpose(0, 3, 2, 1, 4))


def pack_pixel_scale(weight: NDArray[np.floating], target: Target) -> NDArray[np.float32]:
    """`s_o` in whole blocks: float32 `[ceil(O/ot) * ot]`.

    Raises:
        KernelError: if `weight` is not 4-dimensional, or the target multiplies no bytes.
    """
    return _filled(pixel_scale(weight), pixel_weight_block(weight.shape[0], target))


def pack_pixel_offsets(
    weight: NDArray[np.floating],
    zero: NDArray[np.floating],
    bias: NDArray[np.floating],
    shape: PixelConv2dShape,
    target: Target,
) -> NDArray[np.float32]:
    """What is added to an output's sums: float32 `[cases of rows, cases of columns, ceil(O/ot) * ot]`.

    Args:
        weight: OIHW.
        zero: `[I]`, the pixel values that stand for 0.
        bias: `[O]`.
        shape: the geometry.
        target: what the kernel is for.

    Raises:
        KernelError: if `weight` is not 4-dimensional, or the target multiplies no bytes.
    """
    worth = np.array([65536.0, 256.0, 1.0])
    scale = pixel_scale(weight).astype(np.float64)
    kept = np.einsum("dohwi,d,o->ohwi", pixel_digits(weight).transpose(0, 1, 3, 4, 2), worth, scale)
    zeros = kept @ zero.astype(np.float64)
    inside = [
        np.array([_inside(shape, axis, position) for position in cases.positions], np.float64)
        for axis, cases in enumerate(shape.cases)
    ]
    offsets = bias.astype(np.float64) - np.einsum("rh,cw,ohw->rco", *inside, zeros)
    if instruction_set(target) is InstructionSet.NEON_DOTPROD:
        offsets += _SIGN_OFFSET * kept.sum(axis=(1, 2, 3))
    return _filled(offsets.astype(np.float32), pixel_weight_block(weight.shape[0], target))


def _inside(shape: PixelConv2dShape, axis: int, position: int) -> NDArray[np.bool_]:
    """Which kernel rows (columns) of an output are inside the image."""
    first = position * shape.stride[axis] - shape.padding[axis]
    taps = first + shape.dilation[axis] * np.arange(shape.kernel[axis])
    return (taps >= 0) & (taps < (shape.height, shape.width)[axis])


def _filled(values: NDArray[np.float32], block: int) -> NDArray[np.float32]:
    """Zeros behind the last axis, up to whole blocks."""
    filler = -values.shape[-1] % block
    return np.pad(values, [*[(0, 0)] * (values.ndim - 1), (0, filler)])
