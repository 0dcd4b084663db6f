"""Put every image tensor into NHWC, inputs and outputs too: kernels read and write channels contiguously.

Each NCHW variable of the old function may have an NHWC twin in the new one. A rule for an operator asks for
its inputs' twins and leaves a twin behind; an operator without a rule gets its inputs back in NCHW by one
`permute_dims`, made when first asked for. `fired` counts operators converted; the transposes that remain are
counted by the pipeline's report.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from tvm import relax

from frontend.errors import UnsupportedModelError
from frontend.nodes import (
    BINARY_CONV2D,
    BITSERIAL_CONV2D,
    FLOAT_CONV2D,
    RESIZE,
    constant_array,
    is_constant,
    make_constant,
    make_node,
    node_arguments,
    node_shape,
    operator_name,
    remake_node,
    shape_of,
    tensor_type,
)
from frontend.rewriter import FunctionRewriter, rewrite

_TO_NHWC = (0, 2, 3, 1)
_TO_NCHW = (0, 3, 1, 2)

# How the importer writes PyTorch's `interpolate` without `align_corners` -> the kernel's method. (PyTorch's
# nearest rounds down where the importer rounds centres; where they differ, the kernel does as PyTorch.)
_RESIZES = {("linear", "half_pixel"): "bilinear", ("nearest_neighbor", "half_pixel"): "nearest"}

_ELEMENTWISE_UNARY = frozenset(
    f"relax.{name}"
    for name in (
        "nn.relu",
        "sigmoid",
        "tanh",
        "negative",
        "abs",
        "exp",
        "sqrt",
        "clip",
        "round",
        "nn.leakyrelu",
        "astype",
    )
)
_ELEMENTWISE_BINARY = frozenset(
    f"relax.{name}"
    for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "greater_equal")
)


class _LayoutConverter(FunctionRewriter):
    def __init__(self) -> None:
        super().__init__()
        self._twin: dict[Any, Any] = {}  # a variable that stands for an NCHW tensor -> its NHWC variable
        self._transposed: dict[Any, Any] = {}  # a stand-in -> the NCHW tensor made from its twin
        self._rules: dict[str, Callable[[Any], Any | None]] = {
            "relax.nn.conv2d": self._conv2d,
            BINARY_CONV2D: self._packed_conv2d,
            BITSERIAL_CONV2D: self._packed_conv2d,
            "relax.nn.max_pool2d": self._pool2d,
            "relax.nn.avg_pool2d": self._pool2d,
            "relax.nn.adaptive_avg_pool2d": self._adaptive_pool2d,
            "relax.image.resize2d": self._resize2d,
            "relax.mean": self._reduce,
            "relax.sum": self._reduce,
            "relax.concat": self._concat,
            "relax.reshape": self._reshape,
            "relax.permute_dims": self._permute,
        }

    def rewrite_parameter(self, parameter: Any) -> Any:
        if len(parameter.ty.shape) != 4:
            return parameter
        n, c, h, w = shape_of(parameter)
        return relax.Var(parameter.name, relax.TensorType((n, h, w, c), parameter.ty.dtype))

    def begin(self, old_parameters: Any, new_parameters: Any) -> None:
        super().begin(old_parameters, new_parameters)
        for old, new in zip(old_parameters, new_parameters, strict=True):
            if len(old.ty.shape) == 4:
                self.bind(old, self._stand_in(new))

    def rewrite_call(self, variable: Any, call: Any) -> Any | None:  # noqa: ARG002
        operator = operator_name(call)
        rule = self._rules.get(operator or "")
        if rule is None and operator in _ELEMENTWISE_UNARY | _ELEMENTWISE_BINARY:
            rule = self._elementwise
        result = rule(call) if rule else None
        if result is None:
            return relax.Call(
                call.op, [self._nchw(argument) for argument in call.args], call.attrs, call.ty_args
            )
        self.fired += 1
        return result

    def finish(self, result: Any) -> Any:
        made = self.producer(result)
        if isinstance(made, relax.Tuple):
            return relax.Tuple([self._twin.get(field, field) for field in made.fields])
        return self._twin.get(result, result)

    # -- twins -----------------------------------------------------------------------------------------------

    def _stand_in(self, nhwc: Any) -> Any:
        """A variable of NCHW type that is never emitted: it names the tensor whose NHWC form is `nhwc`."""
        n, h, w, c = shape_of(nhwc)
        name = relax.Var(f"{nhwc.name}_nchw", relax.TensorType((n, c, h, w), nhwc.ty.dtype))
        self._twin[name] = nhwc
        return name

    def _nhwc(self, expr: Any) -> Any:
        """The NHWC form of a four-dimensional tensor."""
        if expr not in self._twin:
            self._twin[expr] = self.emit(relax.op.permute_dims(expr, list(_TO_NHWC)))
        return self._twin[expr]

    def _nchw(self, expr: Any) -> Any:
        """`expr` with every stand-in replaced by a real NCHW tensor."""
        if isinstance(expr, relax.Tuple):
            return relax.Tuple([self._nchw(field) for field in expr.fields])
        if not self._is_image(expr) or self.producer(expr) is not None:
            return expr
        if expr not in self._transposed:
            self._transposed[expr] = self.emit(relax.op.permute_dims(self._twin[expr], list(_TO_NCHW)))
        return self._transposed[expr]

    def _is_image(self, expr: Any) -> bool:
        return isinstance(expr, relax.Var) and expr in self._twin

    # -- rules: answer the NCHW stand-in of the converted result, or None for "not mine" ---------------------

    def _conv2d(self, call: Any) -> Any:
        x, weight = call.args
        attributes = call.attrs
        if not is_constant(weight) or int(attributes.groups) != 1:
            raise UnsupportedModelError(
                "expected float convolutions with stored weights and groups=1; got a grouped convolution or "
                "computed weights; there is no kernel for it yet"
            )
        top, left, bottom, right = (int(pad) for pad in attributes.padding)
        if (top, left) != (bottom, right):
            raise UnsupportedModelError(
                f"expected symmetric padding; got {(top, left, bottom, right)}; pad explicitly before the "
                "convolution"
            )
        n, out_channels, out_h, out_w = shape_of(self.builder.normalize(call))
        node = make_node(
            FLOAT_CONV2D,
            [self._nhwc(x), weight, make_constant(np.zeros(out_channels, np.float32))],
            {
                "stride": [int(v) for v in attributes.strides],
                "padding": [top, left],
                "dilation": [int(v) for v in attributes.dilation],
                "relu": False,
            },
            tensor_type((n, out_h, out_w, out_channels)),
        )
        return self._stand_in(self.emit(node))

    def _packed_conv2d(self, call: Any) -> Any:
        x, weight = node_arguments(call)
        n, c, h, w = node_shape(call)
        return self._stand_in(
            self.emit(remake_node(call, [self._nhwc(x), weight], tensor_type((n, h, w, c))))
        )

    def _pool2d(self, call: Any) -> Any:
        operator = (
            relax.op.nn.max_pool2d if operator_name(call) == "relax.nn.max_pool2d" else relax.op.nn.avg_pool2d
        )
        a = call.attrs
        pooled = operator(
            self._nhwc(call.args[0]),
            pool_size=list(a.pool_size),
            strides=list(a.strides),
            padding=list(a.padding),
            dilation=list(a.dilation),
            ceil_mode=bool(a.ceil_mode),
            count_include_pad=bool(a.count_include_pad),
            layout="NHWC",
        )
        return self._stand_in(self.emit(pooled))

    def _adaptive_pool2d(self, call: Any) -> Any:
        size = call.attrs.output_size
        x = self._nhwc(call.args[0])
        if size is not None and [int(v) for v in size] == [1, 1]:
            return self._stand_in(self.emit(relax.op.mean(x, axis=[1, 2], keepdims=True)))
        return self._stand_in(self.emit(relax.op.nn.adaptive_avg_pool2d(x, output_size=size, layout="NHWC")))

    def _resize2d(self, call: Any) -> Any:
        a = call.attrs
        method = _RESIZES.get((str(a.method), str(a.coordinate_transformation_mode)))
        if method is not None:
            n, c, h, w = shape_of(self.builder.normalize(call))
            x = self._nhwc(call.args[0])
            node = make_node(RESIZE, [x], {"method": method}, tensor_type((n, h, w, c)))
            return self._stand_in(self.emit(node))
        resized = relax.op.image.resize2d(
            self._nhwc(call.args[0]),
            call.args[1],
            layout="NHWC",
            method=a.method,
            coordinate_transformation_mode=a.coordinate_transformation_mode,
            rounding_method=a.rounding_method,
            cubic_alpha=a.cubic_alpha,
            cubic_exclude=a.cubic_exclude,
            extrapolation_value=a.extrapolation_value,
        )
        return self._stand_in(self.emit(resized))

    def _elementwise(self, call: Any) -> Any | None:
        if not any(self._is_image(argument) for argument in call.args):
            return None
        arguments = [self._broadcast(argument) for argument in call.args]
        if any(argument is None for argument in arguments):
            return None
        return self._stand_in(self.emit(relax.Call(call.op, arguments, call.attrs, call.ty_args)))

    def _broadcast(self, expr: Any) -> Any | None:
        """An operand as NHWC broadcasting wants it, or None where that is unknown."""
        if self._is_image(expr):
            return self._nhwc(expr)
        if is_constant(expr):
            array = constant_array(expr)
            if array.size == 1:
                return make_constant(array.reshape(()))
            array = array.reshape((1,) * (4 - array.ndim) + array.shape).transpose(_TO_NHWC)
            return make_constant(array.reshape(-1) if array.size == array.shape[-1] else array)
        if getattr(expr.ty, "shape", None) is None or not shape_of(expr):
            return expr
        if len(shape_of(expr)) == 4:
            return self._nhwc(expr)
        if len(shape_of(expr)) == 3 and shape_of(expr)[1:] == (1, 1):  # [C, 1, 1]: one value a channel
            return self.emit(relax.op.reshape(expr, shape_of(expr)[:1]))
        return None

    def _reduce(self, call: Any) -> Any | None:
        x, axes = call.args[0], call.attrs.axis
        if not self._is_image(x) or axes is None:
            return None
        nhwc_axes = sorted({_TO_NHWC.index(int(axis) % 4) for axis in axes})
        operator = relax.op.mean if operator_name(call) == "relax.mean" else relax.op.sum
        if call.attrs.keepdims:
            return self._stand_in(self.emit(operator(self._nhwc(x), axis=nhwc_axes, keepdims=True)))
        if nhwc_axes == [1, 2]:  # what is left, [N, C], is the same in both layouts
            return self.emit(operator(self._nhwc(x), axis=nhwc_axes, keepdims=False))
        return None

    def _concat(self, call: Any) -> Any | None:
        fields = call.args[0].fields if isinstance(call.args[0], relax.Tuple) else None
        if fields is None or call.attrs.axis is None or not all(self._is_image(field) for field in fields):
            return None
        axis = _TO_NHWC.index(int(call.attrs.axis) % 4)
        return self._stand_in(self.emit(relax.op.concat([self._nhwc(field) for field in fields], axis=axis)))

    def _reshape(self, call: Any) -> Any | None:
        x = call.args[0]
        if not self._is_image(x):
            return None
        n, c, h, w = shape_of(x)
        target = [int(extent) for extent in call.args[1].values]
        if h == w == 1 and target == [n, c]:
            return self.emit(relax.op.reshape(self._nhwc(x), (n, c)))
        return None

    def _permute(self, call: Any) -> Any | None:
        """What the network itself brings to NHWC is there already."""
        axes = call.attrs.axes
        if not self._is_image(call.args[0]) or axes is None or tuple(int(a) for a in axes) != _TO_NHWC:
            return None
        return self._nhwc(call.args[0])


def convert_layout(module: Any) -> tuple[Any, int]:
    """Convert image operators, inputs and outputs to NHWC; fired = number of operators converted.

    Before: `y = R.nn.conv2d(x, w)` in NCHW. After: `y = groupnet.float_conv2d(x, w, zeros)` in NHWC.
    """
    return rewrite(module, _LayoutConverter())
