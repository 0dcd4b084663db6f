"""Fold per-channel affine operators and ReLU that follow a convolution into its epilogue.

An epilogue computes `act(dot) * scale + shift` per output channel, `act` being ReLU or nothing. One operator
is absorbed at a time, so any chain of them folds, in any order that the form allows:

* `* c` and `+ c` (one value per channel, any sign) always;
* ReLU while nothing has been added yet and every scale is positive, for then `relu(dot * s) = relu(dot) * s`.

For float convolution and dense, scale is multiplied into the weights and ReLU comes last: `act(x . w +
bias)`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from frontend.nodes import (
    DENSE,
    FLOAT_CONV2D,
    PACKED_BITSERIAL_CONV2D,
    PACKED_CONV2D,
    constant_array,
    is_constant,
    make_constant,
    node_arguments,
    node_attributes,
    node_name,
    node_shape,
    operator_name,
    remake_node,
)
from frontend.rewriter import FunctionRewriter, rewrite

# Convolutions of integers, whose last two arguments are scale and shift.
_PACKED = (PACKED_CONV2D, PACKED_BITSERIAL_CONV2D)


class _EpilogueFolder(FunctionRewriter):
    def rewrite_call(self, variable: Any, call: Any) -> Any | None:  # noqa: ARG002
        operator = operator_name(call)
        if operator == "relax.nn.relu":
            node = self._sole_producer(call.args[0])
            folded = _fold_relu(node) if node is not None else None
        elif operator in ("relax.multiply", "relax.add", "relax.subtract"):
            folded = self._fold_affine(operator, *call.args)
        else:
            return None
        self.fired += folded is not None
        return folded

    def _sole_producer(self, expr: Any) -> Any | None:
        """The convolution or dense node behind `expr`, provided that nobody else reads its result."""
        node = self.producer(expr)
        if node_name(node) not in (*_PACKED, FLOAT_CONV2D, DENSE) or self.readers(expr) != 1:
            return None
        return node

    def _fold_affine(self, operator: str, left: Any, right: Any) -> Any | None:
        if is_constant(left) and operator != "relax.subtract":
            left, right = right, left
        if not is_constant(right):
            return None
        node = self._sole_producer(left)
        if node is None:
            return None
        channels = node_shape(node)[-1]
        values = constant_array(right)
        if values.size not in (1, channels) or (values.size == channels and values.shape[-1:] != (channels,)):
            return None
        values = np.broadcast_to(values.astype(np.float32).reshape(-1), (channels,))
        if operator == "relax.multiply":
            return _fold_scale(node, values)
        return _fold_shift(node, values if operator == "relax.add" else -values)


def _fold_scale(node: Any, scale: npt.NDArray[np.float32]) -> Any | None:
    arguments = node_arguments(node)
    if node_name(node) in _PACKED:
        arguments[-2:] = [make_constant(constant_array(argument) * scale) for argument in arguments[-2:]]
        return remake_node(node, arguments)
    if node_attributes(node)["relu"]:
        return None
    weight = constant_array(arguments[1])
    per_row = scale.reshape((-1,) + (1,) * (weight.ndim - 1))
    return remake_node(
        node,
        [arguments[0], make_constant(weight * per_row), make_constant(constant_array(arguments[2]) * scale)],
    )


def _fold_shift(node: Any, shift: npt.NDArray[np.float32]) -> Any | None:
    arguments = node_arguments(node)
    if node_name(node) not in _PACKED and node_attributes(node)["relu"]:
        return None
    arguments[-1] = make_constant(constant_array(arguments[-1]) + shift)
    return remake_node(node, arguments)


def _fold_relu(node: Any) -> Any | None:
    arguments = node_arguments(node)
    if node_attributes(node)["relu"]:
        return None
    if node_name(node) in _PACKED:
        scale, shift = (constant_array(argument) for argument in arguments[-2:])
        if shift.any() or not (scale >= 0).all():
            return None
    return remake_node(node, arguments, relu=True)


def fold_epilogue(module: Any) -> tuple[Any, int]:
    """Fold operators into epilogues; fired = number of operators folded.

    Before: `y = packed_conv2d(p, w, 1, 0); z = R.nn.relu(y * a) * g + b`.
    After: `z = packed_conv2d(p, w, a * g, b, relu=True)`.
    """
    return rewrite(module, _EpilogueFolder())
