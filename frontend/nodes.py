"""The graph's own nodes: what the passes exchange between import and lowering to kernels.

A node is a `relax.call_dps_packed` to a name under `groupnet.` that carries its parameters as attributes. It
lives only inside the pipeline: `lower_kernels` turns every one into a call of a scheduled TIR function, so no
such name is ever looked up at run time.

| node | arguments | attributes | result |
|---|---|---|---|
| `binary_conv2d` | x (NCHW, then NHWC), weight OIHW | stride, padding, dilation, pad_value, layer | as x |
| `pack` | x NHWC | border, pad_value | uint32 words |
| `packed_conv2d` | words, weight OIHW, scale [O], shift [O] | geometry, relu, layers, channels | NHWC |
| `float_conv2d` | x NHWC, weight OIHW, bias [O] | stride, padding, dilation, relu | NHWC |
| `dense` | x [N, C], weight [O, C], bias [O] | relu | [N, O] |
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tvm
from tvm import relax

BINARY_CONV2D = "groupnet.binary_conv2d"
PACK = "groupnet.pack"
PACKED_CONV2D = "groupnet.packed_conv2d"
FLOAT_CONV2D = "groupnet.float_conv2d"
DENSE = "groupnet.dense"

NODE_NAMES = (BINARY_CONV2D, PACK, PACKED_CONV2D, FLOAT_CONV2D, DENSE)

_CALL = tvm.ir.Op.get("relax.call_dps_packed")


def make_node(
    name: str,
    arguments: Sequence[Any],
    attributes: dict[str, Any],
    shape: Sequence[int],
    dtype: str = "float32",
) -> Any:
    """Make a node called `name` whose result is a tensor of `shape` and `dtype`."""
    return relax.Call(
        _CALL,
        [relax.ExternFunc(name), relax.Tuple(list(arguments))],
        tvm.ir.make_node("ir.DictAttrs", **attributes),
        [relax.TensorType([int(extent) for extent in shape], dtype)],
    )


def remake_node(
    node: Any, arguments: Sequence[Any], shape: Sequence[int] | None = None, **changed: Any
) -> Any:
    """The same node with other arguments, some attributes changed, and perhaps another result shape."""
    attributes = node_attributes(node) | changed
    return make_node(str(node_name(node)), arguments, attributes, shape or node_shape(node))


def node_name(expr: Any) -> str | None:
    """The name of the node, or None where `expr` is something else."""
    if isinstance(expr, relax.Call) and expr.op == _CALL:
        return str(expr.args[0].global_symbol)
    return None


def node_arguments(node: Any) -> list[Any]:
    """The arguments of a node."""
    return list(node.args[1].fields)


def node_attributes(node: Any) -> dict[str, Any]:
    """The attributes of a node as Python values: ints, bools, strings, tuples of them."""
    return {str(key): _python(value) for key, value in node.attrs.items()}


def _python(value: Any) -> Any:
    if isinstance(value, str | bool | int | float):
        return value
    return tuple(_python(item) for item in value)


def operator_name(expr: Any) -> str | None:
    """`relax.add` and the like for a call of an operator; the node's name for a node; None otherwise."""
    if not isinstance(expr, relax.Call):
        return None
    return node_name(expr) or (str(expr.op.name) if isinstance(expr.op, tvm.ir.Op) else None)


def is_constant(expr: Any) -> bool:
    """Whether `expr` is a constant tensor."""
    return isinstance(expr, tvm.ir.GenericConst)


def constant_array(expr: Any) -> npt.NDArray[Any]:
    """The values of a constant."""
    return np.asarray(expr.value.numpy() if hasattr(expr.value, "numpy") else expr.value)


def make_constant(array: npt.NDArray[Any]) -> Any:
    """A constant of `array`'s own dtype."""
    return relax.const(np.ascontiguousarray(array), str(array.dtype))


def shape_of(expr: Any) -> tuple[int, ...]:
    """The static shape of a tensor expression."""
    return tuple(int(extent) for extent in expr.ty.shape)


def node_shape(node: Any) -> tuple[int, ...]:
    """The shape that a node's result was declared with."""
    return tuple(int(extent) for extent in node.ty_args[0].shape)
