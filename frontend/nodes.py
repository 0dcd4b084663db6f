"""The graph's own nodes: what the passes exchange between import and lowering to kernels.

A node is a `relax.call_dps_packed` to a name under `groupnet.` that carries its parameters as attributes. It
lives only inside the pipeline: `lower_kernels` turns every one into a call of a scheduled TIR function, so no
such name is ever looked up at run time.

`packed_conv2d` computes K = len(layers) branches that read the same words: weights [K * O, C, KH, KW], scale
and shift [K * O], one residual for all, K results; once `fuse_pack` sets `packed`, K packed results follow.
`combine` is what a group ends with: `m = sum_k weight_k y_k` and, where a soft connection follows,
`x_k = own_k y_k + share_k m`. `grouped_conv2d` is K convolutions, each with words and a residual of its own,
and the combination of their results, which are results of the node only where `shown` is set. Convolutions
with `in_place` write their floats over their residuals, which nobody else reads.

| node | arguments | attributes | result |
|---|---|---|---|
| `binary_conv2d` | x (NCHW, then NHWC), weight OIHW | stride, padding, dilation, pad_value, layer | as x |
| `pack` | x NHWC | border, pad_value | uint32 words |
| `bitserial_conv2d` | x (NCHW, then NHWC), weight OIHW | stride, padding, dilation, bits, layer | as x |
| `pack_planes` | x NHWC | border, bits | uint32 words [bits * N, ..] |
| `packed_bitserial_conv2d` | planes, weight, offset [O], scale, shift | geometry, bits, relu, layers | NHWC |
| `packed_conv2d` | words, weight, scale, shift, [residual] | geometry, relu, layers, .. | K NHWC, [K words] |
| `combine` | y_0 .. y_{K-1}, own [K], weight [K], share [K] | mixed | [m], [K NHWC], [K words] |
| `grouped_conv2d` | K words, as both (K residuals) | as both, shape, shown | [K y], as `combine` |
| `select_weights` | bank [E, O, C, KH, KW], experts [K] | place | weight OIHW |
| `resize` | x NHWC | method | NHWC |
| `float_conv2d` | x NHWC, weight OIHW, bias [O], [zero [C] if x is uint8] | geometry, relu | NHWC |
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
COMBINE = "groupnet.combine"
GROUPED_CONV2D = "groupnet.grouped_conv2d"
BITSERIAL_CONV2D = "groupnet.bitserial_conv2d"
PACK_PLANES = "groupnet.pack_planes"
PACKED_BITSERIAL_CONV2D = "groupnet.packed_bitserial_conv2d"
DENSE = "groupnet.dense"
RESIZE = "groupnet.resize"
SELECT_WEIGHTS = "groupnet.select_weights"

NODE_NAMES = (
    BINARY_CONV2D,
    PACK,
    PACKED_CONV2D,
    BITSERIAL_CONV2D,
    PACK_PLANES,
    PACKED_BITSERIAL_CONV2D,
    FLOAT_CONV2D,
    COMBINE,
    GROUPED_CONV2D,
    DENSE,
    RESIZE,
    SELECT_WEIGHTS,
)

_KERNEL_CALLS = tuple(tvm.ir.Op.get(name) for name in ("relax.call_tir", "relax.call_tir_inplace"))
_CALL = tvm.ir.Op.get("relax.call_dps_packed")


def tensor_type(shape: Sequence[int], dtype: str = "float32") -> Any:
    """The type of a tensor of static shape."""
    return relax.TensorType([int(extent) for extent in shape], dtype)


def make_node(name: str, arguments: Sequence[Any], attributes: dict[str, Any], *results: Any) -> Any:
    """Make a node called `name`; with one result type it gives a tensor, with several a tuple of them."""
    result = results[0] if len(results) == 1 else relax.TupleType(list(results))
    arguments_tuple = relax.Tuple(list(arguments))
    made = tvm.ir.make_node("ir.DictAttrs", **attributes)
    return relax.Call(_CALL, [relax.ExternFunc(name), arguments_tuple], made, [result])


def remake_node(node: Any, arguments: Sequence[Any], *results: Any, **changed: Any) -> Any:
    """The same node with other arguments, some attributes changed, and perhaps other result types."""
    attributes = node_attributes(node) | changed
    return make_node(str(node_name(node)), arguments, attributes, *(results or node_results(node)))


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


def node_results(node: Any) -> list[Any]:
    """The types of a node's results."""
    (result,) = node.ty_args
    return list(result.fields) if isinstance(result, relax.TupleType) else [result]


def node_shape(node: Any) -> tuple[int, ...]:
    """The shape of a node's first result."""
    return tuple(int(extent) for extent in node_results(node)[0].shape)


def packed_results(node: Any) -> list[int]:
    """Which of a node's results are packed signs or levels, each a distinct tensor of bits."""
    if node_name(node) not in (PACK, PACK_PLANES, PACKED_CONV2D, GROUPED_CONV2D, COMBINE):
        return []
    return [index for index, result in enumerate(node_results(node)) if str(result.dtype) == "uint32"]


def added_residuals(node: Any) -> list[Any]:
    """The residuals that a convolution of packed signs adds, one or one for each branch."""
    if not node_attributes(node)["residual"]:
        return []
    if node_name(node) == PACKED_CONV2D:
        return node_arguments(node)[4:]
    branches = len(node_attributes(node)["layers"])
    return node_arguments(node)[branches + 3 : 2 * branches + 3]


def called_kernel(expr: Any) -> str | None:
    """The name of the kernel that a lowered call calls; None for anything else."""
    if isinstance(expr, relax.Call) and expr.op in _KERNEL_CALLS:
        return str(expr.args[0].name_hint)
    return None
