"""Geometry that binary and float convolutions share: output extents, and which shapes make sense."""

from dataclasses import dataclass

from tvm_schedules.errors import KernelError

Pair = tuple[int, int]


def out_extent(extent: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """Positions of a kernel along one axis: `(extent + 2 p - d (k - 1) - 1) // s + 1`."""
    return (extent + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1


@dataclass(frozen=True)
class ConvolutionShape:
    """Geometry of a convolution over NHWC images.

    Attributes:
        batch: Images.
        height: Rows of the input, unpadded.
        width: Columns of the input, unpadded.
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel: Rows and columns of the kernel.
        stride: Input rows and columns between two outputs.
        padding: Rows above and below, columns left and right.
        dilation: Input rows and columns between two kernel positions.

    Raises:
        KernelError: if an extent is not positive or nothing is left to compute.
    """

    batch: int
    height: int
    width: int
    in_channels: int
    out_channels: int
    kernel: Pair
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)

    def __post_init__(self) -> None:
        """Check the geometry."""
        extents = (self.batch, self.height, self.width, self.in_channels, self.out_channels)
        if min(*extents, *self.kernel, *self.stride, *self.dilation) < 1 or min(self.padding) < 0:
            raise KernelError(f"expected positive extents and padding >= 0; got {self}; correct the shape")
        if self.out_height < 1 or self.out_width < 1:
            raise KernelError(
                f"expected a kernel that fits the padded input; got {self}; pad more or take a smaller kernel"
            )

    @property
    def out_height(self) -> int:
        """Rows of the output."""
        return out_extent(self.height, self.kernel[0], self.stride[0], self.padding[0], self.dilation[0])

    @property
    def out_width(self) -> int:
        """Columns of the output."""
        return out_extent(self.width, self.kernel[1], self.stride[1], self.padding[1], self.dilation[1])

    @property
    def out_shape(self) -> tuple[int, int, int, int]:
        """Shape of the float32 NHWC output."""
        return self.batch, self.out_height, self.out_width, self.out_channels

    @property
    def taps(self) -> int:
        """`n`: products summed into one output, `KH * KW * C`."""
        return self.kernel[0] * self.kernel[1] * self.in_channels

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the whole convolution."""
        return self.batch * self.out_height * self.out_width * self.out_channels * self.taps


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
