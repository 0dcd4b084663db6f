"""The float kernels of the networks here: stems, 1x1 shortcuts, heads, the classifier, pools and resizes."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import tvm
from tvm import relax

from frontend.passes.lower_glue import lower_glue
from tvm_schedules.float_conv2d import (
    FloatConv2dShape,
    dense_kernel,
    float_conv2d_kernel,
    pack_dense_weights,
    pack_float_weights,
)
from tvm_schedules.float_source import zero_row
from tvm_schedules.geometry import ConvolutionShape
from tvm_schedules.pixel_conv2d import pixel_conv2d_kernel, pixel_kernel_pays
from tvm_schedules.pixel_weights import (
    PixelConv2dShape,
    pack_pixel_offsets,
    pack_pixel_scale,
    pack_pixel_weights,
)
from tvm_schedules.resize import ResizeShape, resize_kernel

Array = np.ndarray[Any, Any]

CONVOLUTIONS = {
    "stem 7x7/2, 224x224, 3 to 64": FloatConv2dShape(1, 224, 224, 3, 64, (7, 7), (2, 2), (3, 3)),
    "1x1/2, 56x56, 64 to 128": FloatConv2dShape(1, 56, 56, 64, 128, (1, 1), (2, 2)),
    "1x1/2, 28x28, 128 to 256": FloatConv2dShape(1, 28, 28, 128, 256, (1, 1), (2, 2)),
    "1x1/2, 14x14, 256 to 512": FloatConv2dShape(1, 14, 14, 256, 512, (1, 1), (2, 2)),
    "3x3, 28x28, 512 to 128": FloatConv2dShape(1, 28, 28, 512, 128, (3, 3), (1, 1), (1, 1)),
    "3x3, 7x7, 512 to 128": FloatConv2dShape(1, 7, 7, 512, 128, (3, 3), (1, 1), (1, 1)),
}
PIXELS_OF = "stem 7x7/2, 224x224, 3 to 64"
"""The convolution that is measured on uint8 pixels too."""

CLASSIFIER = (512, 1000)


@dataclass(frozen=True)
class FloatKernel:
    """A kernel with what it reads.

    Attributes:
        name: as tables show it.
        function: the scheduled PrimFunc.
        inputs: its operands but the result.
        macs: multiply-accumulates of a call; 0 for glue.
    """

    name: str
    function: Any
    inputs: tuple[Array, ...]
    macs: int

    @property
    def symbol(self) -> str:
        """The function's name."""
        return str(self.function.attrs["global_symbol"])

    @property
    def tensor_bytes(self) -> int:
        """Bytes of its operands and its result, each once."""
        result = self.function.params[-1].ty
        elements = int(np.prod([int(extent) for extent in result.shape]))
        return sum(array.nbytes for array in self.inputs) + elements * np.dtype(str(result.dtype)).itemsize


def float_kernels(target: Any) -> list[FloatKernel]:
    """Every kernel that is measured, with random operands."""
    made = [_convolution(name, shape, target) for name, shape in CONVOLUTIONS.items()]
    made.insert(1, _of_pixels(f"{PIXELS_OF}, uint8", CONVOLUTIONS[PIXELS_OF], target))
    made += [_classifier(target), _upscaling(target)]
    return [*made, *(_glue(*glue, target=target) for glue in _GLUE)]


def _convolution(name: str, shape: FloatConv2dShape, target: Any) -> FloatKernel:
    rng = np.random.default_rng(0)
    image = rng.normal(size=shape.in_shape).astype(np.float32)
    return FloatKernel(
        name,
        float_conv2d_kernel(shape, target, bias=True, relu=True),
        (image, pack_float_weights(_weight(shape), target), np.zeros(shape.out_channels, np.float32)),
        shape.macs,
    )


def _of_pixels(name: str, of_floats: FloatConv2dShape, target: Any) -> FloatKernel:
    """The kernel that a network of uint8 images has: by bytes where that pays."""
    shape = PixelConv2dShape(**asdict(of_floats))
    weight, bias = _weight(shape), np.zeros(shape.out_channels, np.float32)
    zero = np.full(shape.in_channels, 127.0, np.float32)
    pixels = np.random.default_rng(0).integers(0, 256, shape.in_shape, np.uint8)
    if pixel_kernel_pays(shape, target):
        kernel = pixel_conv2d_kernel(shape, target, relu=True)
        offsets = pack_pixel_offsets(weight, zero, bias, shape, target)
        packed = (pack_pixel_weights(weight, target), pack_pixel_scale(weight, target), offsets)
        return FloatKernel(name, kernel, (pixels, *packed), shape.macs)
    kernel = float_conv2d_kernel(of_floats, target, bias=True, relu=True, pixels=True)
    inputs = (pixels, zero_row(zero, shape.width), pack_float_weights(weight, target), bias)
    return FloatKernel(name, kernel, inputs, shape.macs)


def _weight(shape: ConvolutionShape) -> Array:
    """Random weights, OIHW."""
    extents = (shape.out_channels, shape.in_channels, *shape.kernel)
    return np.random.default_rng(0).normal(size=extents).astype(np.float32)


def _classifier(target: Any) -> FloatKernel:
    features, classes = CLASSIFIER
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(classes, features)).astype(np.float32)
    return FloatKernel(
        f"dense, {features} to {classes}",
        dense_kernel(1, features, classes, target, bias=True, relu=False),
        (
            rng.normal(size=(1, features)).astype(np.float32),
            pack_dense_weights(weight, target),
            np.zeros(classes, np.float32),
        ),
        features * classes,
    )


def _upscaling(target: Any) -> FloatKernel:
    shape = ResizeShape(1, 28, 28, 21, 224, 224, "bilinear")
    scores = np.random.default_rng(0).normal(size=shape.in_shape).astype(np.float32)
    return FloatKernel("bilinear, 28x28x21 to 224x224", resize_kernel(shape, target), (scores,), 0)


def _max_pool(x: Any, scale: Any, shift: Any) -> Any:
    """The pool behind the stem, and the batch norm behind the pool."""
    pooled = relax.op.nn.max_pool2d(x, [3, 3], [2, 2], [1, 1], layout="NHWC")
    return relax.op.add(relax.op.multiply(pooled, scale), shift)


def _average(x: Any) -> Any:
    return relax.op.mean(x, axis=[1, 2])


def _concat(*x: Any) -> Any:
    return relax.op.concat(list(x), axis=3)


_GLUE: tuple[tuple[str, Callable[..., Any], tuple[tuple[int, ...], ...]], ...] = (
    ("max pool 3x3/2, scale, shift, 112x112x64", _max_pool, ((1, 112, 112, 64), (64,), (64,))),
    ("global average, 7x7x512", _average, ((1, 7, 7, 512),)),
    ("concat 5 x 28x28x128", _concat, ((1, 28, 28, 128),) * 5),
)


def _glue(
    name: str, operator: Callable[..., Any], shapes: tuple[tuple[int, ...], ...], *, target: Any
) -> FloatKernel:
    """The kernel that the pipeline's passes make of one operator."""
    builder = relax.BlockBuilder()
    given = [relax.Var(f"x{i}", relax.TensorType(shape, "float32")) for i, shape in enumerate(shapes)]
    with builder.function("main", given):
        with builder.dataflow():
            result = builder.emit_output(builder.emit(operator(*given)))
        builder.emit_func_output(result)
    module, _ = lower_glue(builder.finalize(), target)
    (function,) = (f for _, f in module.functions_items() if isinstance(f, tvm.tirx.PrimFunc))
    rng = np.random.default_rng(0)
    inputs = tuple(rng.normal(size=shape).astype(np.float32) for shape in shapes)
    return FloatKernel(name, function, inputs, 0)
