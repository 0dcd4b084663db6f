"""Build small graphs, and evaluate graphs in NumPy, so that passes are tested by their numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from tvm import relax

from frontend import nodes
from frontend.rewriter import straight_line
from tvm_schedules.bitplanes import pack_levels, quantise, unpack_levels
from tvm_schedules.words import pack_signs, unpack_signs

Array = npt.NDArray[Any]


@pytest.fixture
def build_graph() -> Callable[..., Any]:
    """`build_graph({"x": (1, 3, 8, 8)}, body)`: a module whose `main` returns `body(emit, x)`."""

    def build(parameters: dict[str, tuple[int, ...]], body: Callable[..., Any]) -> Any:
        builder = relax.BlockBuilder()
        variables = [
            relax.Var(name, relax.TensorType(shape, "float32")) for name, shape in parameters.items()
        ]
        with builder.function("main", variables):
            with builder.dataflow():
                result = builder.emit_output(body(builder.emit, *variables))
            builder.emit_func_output(result)
        return builder.finalize()

    return build


@pytest.fixture
def evaluate() -> Callable[..., list[Array]]:
    """`evaluate(module, x, ..., function="main")`: the outputs, computed in NumPy and torch."""

    def run(module: Any, *inputs: Array, function: str = "main") -> list[Array]:
        relax_function = module[function]
        values: dict[Any, Any] = dict(zip(relax_function.params, inputs, strict=True))

        def value(expr: Any) -> Any:
            if isinstance(expr, relax.Var):
                return values[expr]
            if nodes.is_constant(expr):
                return nodes.constant_array(expr)
            if isinstance(expr, relax.Tuple):
                return [value(field) for field in expr.fields]
            if isinstance(expr, relax.TupleGetItem):
                return value(expr.tuple_value)[expr.index]
            return _call(expr, value)

        for binding in straight_line(relax_function):
            values[binding.var] = value(binding.value)
        result = value(relax_function.body.body)
        return result if isinstance(result, list) else [result]

    return run


@pytest.fixture
def operators() -> Callable[[Any], list[str]]:
    """`operators(module)`: the operators and nodes of `main` in order."""

    def names(module: Any) -> list[str]:
        found = (nodes.operator_name(binding.value) for binding in straight_line(module["main"]))
        return [name for name in found if name is not None]

    return names


def _call(call: Any, value: Callable[[Any], Any]) -> Any:
    name = nodes.operator_name(call)
    if nodes.node_name(call):
        return _NODES[str(name)](nodes.node_attributes(call), *map(value, nodes.node_arguments(call)))
    return _OPERATORS[str(name)](call, value)


def _operand(index: int, function: Callable[[Array], Array]) -> Callable[..., Array]:
    return lambda call, value: function(value(call.args[index]))


def _binary(function: Callable[[Array, Array], Array]) -> Callable[..., Array]:
    return lambda call, value: function(value(call.args[0]), value(call.args[1]))


def _reduction(function: Callable[..., Array]) -> Callable[..., Array]:
    def reduce(call: Any, value: Callable[[Any], Any]) -> Array:
        axes = tuple(int(axis) for axis in call.attrs.axis)
        return function(value(call.args[0]), axis=axes, keepdims=bool(call.attrs.keepdims))

    return reduce


def _batch_norm(call: Any, value: Callable[[Any], Any]) -> list[Array]:
    x, gamma, beta, mean, var = (value(argument) for argument in call.args)
    gamma, beta, mean, var = (v.reshape(-1, 1, 1) for v in (gamma, beta, mean, var))
    return [(x - mean) / np.sqrt(var + call.attrs.epsilon) * gamma + beta, mean, var]


def _convolve(x: Array, weight: Array, attributes: Any) -> Array:
    """NHWC convolution in float64, zero padding."""
    y = torch.nn.functional.conv2d(
        torch.from_numpy(x.astype(np.float64)).permute(0, 3, 1, 2),
        torch.from_numpy(weight.astype(np.float64)),
        stride=attributes["stride"],
        padding=attributes["padding"],
        dilation=attributes["dilation"],
    )
    return y.permute(0, 2, 3, 1).numpy().astype(np.float32)


def _conv2d(call: Any, value: Callable[[Any], Any]) -> Array:
    attributes = {
        "stride": tuple(map(int, call.attrs.strides)),
        "padding": tuple(map(int, call.attrs.padding))[:2],
        "dilation": tuple(map(int, call.attrs.dilation)),
    }
    x, weight = (value(argument) for argument in call.args)
    return _convolve(x.transpose(0, 2, 3, 1), weight, attributes).transpose(0, 3, 1, 2)


def _slice(call: Any, value: Callable[[Any], Any]) -> Array:
    axes, begin, end = ([int(v) for v in argument.fields] for argument in call.args[1:4])
    index = [slice(None)] * 4
    for axis, low, high in zip(axes, begin, end, strict=True):
        index[axis] = slice(low, high)
    return value(call.args[0])[tuple(index)]


_OPERATORS: dict[str, Callable[..., Any]] = {
    "relax.add": _binary(np.add),
    "relax.subtract": _binary(np.subtract),
    "relax.multiply": _binary(np.multiply),
    "relax.nn.relu": _operand(0, lambda x: np.maximum(x, 0)),
    "relax.abs": _operand(0, np.abs),
    "relax.mean": _reduction(np.mean),
    "relax.sum": _reduction(np.sum),
    "relax.matmul": _binary(np.matmul),
    "relax.concat": lambda call, value: np.concatenate(value(call.args[0]), axis=int(call.attrs.axis)),
    "relax.reshape": lambda call, value: value(call.args[0]).reshape([int(v) for v in call.args[1].values]),
    "relax.permute_dims": lambda call, value: value(call.args[0]).transpose(
        [int(a) for a in call.attrs.axes]
    ),
    "relax.nn.batch_norm": _batch_norm,
    "relax.nn.conv2d": _conv2d,
    "relax.strided_slice": _slice,
    "relax.zeros": lambda call, _: np.zeros([int(v) for v in call.args[0].values], np.float32),
}


def _packed_conv2d(
    a: dict[str, Any], words: Array, weight: Array, scale: Array, shift: Array, *residual: Array
) -> Any:
    dot = _dot(a, words, weight)
    floats = (np.maximum(dot, 0) if a["relu"] else dot) * scale + shift
    branches = [part + sum(residual) for part in np.split(floats, len(a["layers"]), axis=-1)]
    return _with_packed(a, branches)


def _grouped_conv2d(a: dict[str, Any], *arguments: Array) -> Any:
    k = len(a["layers"])
    words, (weight, scale, shift, *rest) = arguments[:k], arguments[k:]
    residuals = rest[:-3] or [np.float32(0)] * k
    y = []
    for parts in zip(words, *(np.split(v, k) for v in (weight, scale, shift)), residuals, strict=True):
        own_words, own_weight, own_scale, own_shift, residual = parts
        dot = _dot(a, own_words, own_weight)
        y.append((np.maximum(dot, 0) if a["relu"] else dot) * own_scale + own_shift + residual)
    combined = _combine(a, *y, *rest[-3:])
    combined = combined if isinstance(combined, list) else [combined]
    return _results(y * a["shown"] + combined)


def _combine(a: dict[str, Any], *arguments: Array) -> Any:
    *branches, own, weight, share = arguments
    m = sum(w * y for w, y in zip(weight, branches, strict=True))
    inputs = [s * y + t * m for s, y, t in zip(own, branches, share, strict=True)]
    if not a["packed"]:
        results = inputs if share.any() else []
        return _results([m] * a["mixed"] + results)
    packed = [pack_signs(x, a["packed_border"], a["packed_pad_value"]) for x in inputs]
    return _results([m] * a["mixed"] + inputs * a["floats"] + packed)


def _with_packed(a: dict[str, Any], floats: list[Array]) -> Any:
    if not a["packed"]:
        return _results(floats)
    return _results(floats + [pack_signs(x, a["packed_border"], a["packed_pad_value"]) for x in floats])


def _results(tensors: list[Array]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def _dot(a: dict[str, Any], words: Array, weight: Array) -> Array:
    signs = unpack_signs(words, a["in_channels"]).astype(np.float32)
    rows, columns = (border - padding for border, padding in zip(a["border"], a["padding"], strict=True))
    signs = signs[:, rows : signs.shape[1] - rows, columns : signs.shape[2] - columns]
    return _convolve(signs, np.where(weight >= 0, 1.0, -1.0), a | {"padding": (0, 0)})


def _binary_conv2d(a: dict[str, Any], x: Array, weight: Array) -> Array:
    """The node in NHWC, as `pack_activations` meets it."""
    words = pack_signs(x, a["padding"], a["pad_value"])
    return _dot(a | {"border": a["padding"], "in_channels": x.shape[3]}, words, weight)


def _pack_planes(a: dict[str, Any], x: Array) -> Array:
    planes = pack_levels(quantise(x, a["bits"]), a["bits"], a["border"])
    return planes.reshape(-1, *planes.shape[2:])


def _packed_bitserial_conv2d(
    a: dict[str, Any], planes: Array, weight: Array, offset: Array, scale: Array, shift: Array
) -> Array:
    stacked = planes.reshape(a["bits"], a["batch"], *planes.shape[1:])
    levels = unpack_levels(stacked, a["in_channels"]).astype(np.float32)
    rows, columns = (border - padding for border, padding in zip(a["border"], a["padding"], strict=True))
    levels = levels[:, rows : levels.shape[1] - rows, columns : levels.shape[2] - columns]
    signs = np.where(weight >= 0, 1.0, -1.0)
    popcounts = (2 ** a["bits"] - 1) * (weight >= 0).sum((1, 2, 3))
    dot = _convolve(levels, signs, a | {"padding": (0, 0)}) - popcounts + offset
    return (np.maximum(dot, 0) if a["relu"] else dot) * scale + shift


def _bitserial_conv2d(a: dict[str, Any], x: Array, weight: Array) -> Array:
    """The node in NHWC, as `pack_levels` meets it."""
    return _convolve(quantise(x, a["bits"]), np.where(weight >= 0, 1.0, -1.0), a)


def _epilogue(y: Array, bias: Array, relu: bool) -> Array:
    return np.maximum(y + bias, 0) if relu else y + bias


_NODES: dict[str, Callable[..., Array]] = {
    nodes.BINARY_CONV2D: _binary_conv2d,
    nodes.PACK: lambda a, x: pack_signs(x, a["border"], a["pad_value"]),
    nodes.PACKED_CONV2D: _packed_conv2d,
    nodes.COMBINE: _combine,
    nodes.GROUPED_CONV2D: _grouped_conv2d,
    nodes.BITSERIAL_CONV2D: _bitserial_conv2d,
    nodes.PACK_PLANES: _pack_planes,
    nodes.PACKED_BITSERIAL_CONV2D: _packed_bitserial_conv2d,
    nodes.FLOAT_CONV2D: lambda a, x, w, b, zero=0: _epilogue(_convolve(x - zero, w, a), b, a["relu"]),
    nodes.DENSE: lambda a, x, w, b: _epilogue(x @ w.T, b, a["relu"]),
}
