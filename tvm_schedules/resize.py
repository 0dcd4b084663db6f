"""Resizing kernel: bilinear or nearest, each output pixel from up to four input pixels, channels in vectors.

    bilinear   source = max(0, (i + 1/2) * in / out - 1/2), between floor(source) and the next pixel
    nearest    source = floor(i * in / out)

These are PyTorch's `interpolate` with `align_corners=False`; positions are exact fractions, in integers.

Layouts   x `[N, H, W, C]`, out `[N, Ho, Wo, C]`, both float32.
Vectors   as long as the channels allow; the last one of a pixel overlaps the one before, so that no number of
          channels has a scalar tail.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from tvm import tirx
from tvm.target import Target

from tvm_schedules.emit import (
    Buffer,
    Expr,
    PrimFunc,
    argument,
    local,
    parallel,
    prim_func,
    reshaped,
    serial,
    span,
    splat,
    store,
)
from tvm_schedules.errors import KernelError
from tvm_schedules.naming import KernelName
from tvm_schedules.targets import instruction_set
from tvm_schedules.tile import REGISTER_FILES

ResizeMethod = Literal["bilinear", "nearest"]


@dataclass(frozen=True)
class ResizeShape:
    """Geometry of a resizing kernel.

    Raises:
        KernelError: an extent is not positive, or the method is unknown.
    """

    batch: int
    height: int
    width: int
    channels: int
    out_height: int
    out_width: int
    method: ResizeMethod

    def __post_init__(self) -> None:
        """Check the geometry."""
        extents = (self.batch, self.height, self.width, self.channels, self.out_height, self.out_width)
        if min(extents) < 1:
            raise KernelError(f"expected positive extents; got {self}; correct the shape")
        if self.method not in get_args(ResizeMethod):
            raise KernelError(f"expected bilinear or nearest; got {self.method!r}; choose one of them")

    @property
    def in_shape(self) -> tuple[int, int, int, int]:
        """Shape of the input."""
        return self.batch, self.height, self.width, self.channels

    @property
    def out_shape(self) -> tuple[int, int, int, int]:
        """Shape of the output."""
        return self.batch, self.out_height, self.out_width, self.channels


def resize_kernel(shape: ResizeShape, target: Target) -> PrimFunc:
    """Build the kernel `(x, out)`, parallel over the rows of the output.

    Args:
        shape: geometry and method.
        target: where the kernel will run; picks the length of vectors.
    """
    isa = instruction_set(target)
    lanes = REGISTER_FILES[isa].lanes
    while lanes > shape.channels:
        lanes //= 2
    name = KernelName(
        op="resize",
        types="f32f32",
        layout="nhwc",
        geometry={
            "n": (shape.batch,),
            "h": (shape.height,),
            "w": (shape.width,),
            "c": (shape.channels,),
            "to": (shape.out_height, shape.out_width),
            "linear": (int(shape.method == "bilinear"),),
        },
        tile={"v": (lanes,)},
        isa=isa,
    )
    with prim_func(str(name), name.op) as built:
        x = argument("x", shape.in_shape, "float32")
        out = argument("out", shape.out_shape, "float32")
        source = reshaped(x, (shape.batch * shape.height, shape.width * shape.channels))
        result = reshaped(out, (shape.batch * shape.out_height, shape.out_width * shape.channels))
        _emit(shape, lanes, source, result)
    return built[0]


def _emit(shape: ResizeShape, lanes: int, source: Buffer, result: Buffer) -> None:
    """Write the loops from the outside in; both views are [N * rows, columns * C]."""
    channels = shape.channels
    first_channels = [*range(0, channels - lanes, lanes), channels - lanes]
    with parallel(shape.batch * shape.out_height) as index:
        image, row = index // shape.out_height, index % shape.out_height
        rows = _Axis(row, shape.height, shape.out_height, shape.method)
        above, below = (image * shape.height + line for line in rows.neighbours)
        with serial(shape.out_width) as column:
            columns = _Axis(column, shape.width, shape.out_width, shape.method)
            left, right = (at * channels for at in columns.neighbours)
            for first in first_channels:
                value = source[above, span(left + first, lanes)]
                if shape.method == "bilinear":
                    value = _between(value, source[above, span(right + first, lanes)], columns.share, lanes)
                    lower = source[below, span(left + first, lanes)]
                    lower = _between(lower, source[below, span(right + first, lanes)], columns.share, lanes)
                    value = _between(value, lower, rows.share, lanes)
                store(result, value, index, span(column * channels + first, lanes))


class _Axis:
    """Where a position of the output lies between two of the input, along one axis."""

    def __init__(self, position: Expr, size: int, out_size: int, method: ResizeMethod) -> None:
        """Work out both neighbours and the second one's share."""
        if method == "nearest":
            nearest = position * size // out_size
            self.neighbours = (nearest, nearest)
            return
        # (i + 1/2) * in / out - 1/2 over the common denominator 2 * out; before the first pixel it is 0.
        numerator = tirx.max((2 * position + 1) * size - out_size, 0)
        first = numerator // (2 * out_size)
        self.neighbours = (first, tirx.min(first + 1, size - 1))
        share = (numerator - first * (2 * out_size)).astype("float32") * tirx.const(0.5 / out_size, "float32")
        kept = local(1, "float32")
        store(kept, share, 0)
        self.share = kept[0]


def _between(a: Expr, b: Expr, share: Expr, lanes: int) -> Expr:
    return a + (b - a) * splat(share, lanes)
