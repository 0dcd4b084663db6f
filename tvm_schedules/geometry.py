"""Geometry that binary and float convolutions share: output extents, and which shapes make sense."""

from typing import Protocol

from tvm_schedules.errors import KernelError

Pair = tuple[int, int]


def out_extent(extent: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """Positions of a kernel along one axis: `(extent + 2 p - d (k - 1) - 1) // s + 1`."""
    return (extent + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


class ConvolutionShape(Protocol):
    """What every convolution shape says of itself."""

    @property
    def batch(self) -> int:
        """Images."""

    @property
    def height(self) -> int:
        """Rows of the input, unpadded."""

    @property
    def width(self) -> int:
        """Columns of the input, unpadded."""

    @property
    def in_channels(self) -> int:
        """Channels of the input."""

    @property
    def out_channels(self) -> int:
        """Channels of the output."""

    @property
    def kernel(self) -> Pair:
        """Rows and columns of the kernel."""

    @property
    def stride(self) -> Pair:
        """Input rows and columns between two outputs."""

    @property
    def padding(self) -> Pair:
        """Rows above and below, columns left and right."""

    @property
    def dilation(self) -> Pair:
        """Input rows and columns between two kernel positions."""

    @property
    def out_height(self) -> int:
        """Rows of the output."""

    @property
    def out_width(self) -> int:
        """Columns of the output."""


def check_convolution(shape: ConvolutionShape) -> None:
    """Raise `KernelError` unless every extent is positive and at least one output is left to compute."""
    extents = (shape.batch, shape.height, shape.width, shape.in_channels, shape.out_channels)
    if min(*extents, *shape.kernel, *shape.stride, *shape.dilation) < 1 or min(shape.padding) < 0:
        raise KernelError(f"expected positive extents and padding >= 0; got {shape}; correct the shape")
    if shape.out_height < 1 or shape.out_width < 1:
        raise KernelError(
            f"expected a kernel that fits the padded input; got {shape}; pad more or take a smaller kernel"
        )


def name_fields(shape: ConvolutionShape) -> dict[str, tuple[int, ...]]:
    """The fields of a kernel's name that every convolution's geometry begins with (`naming.py`)."""
    return {
        "n": (shape.batch,),
        "h": (shape.height,),
        "w": (shape.width,),
        "c": (shape.in_channels,),
        "o": (shape.out_channels,),
        "k": shape.kernel,
        "s": shape.stride,
        "p": shape.padding,
        "d": shape.dilation,
    }


def check_weight_axes(ndim: int, expected: int, layout: str) -> None:
    """Raise `KernelError` unless a weight has the axes of its layout."""
    if ndim != expected:
        raise KernelError(f"expected a weight {layout}; got {ndim} axes; reshape it")
