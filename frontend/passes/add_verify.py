"""Add the function `verify` beside `main`: the same network, fed with PyTorch's signs, showing every integer.

`verify(x, bits_0, ..., bits_{P-1})` returns a tuple of

1. P tensors: the packed signs that the device itself computes for each distinct binarised tensor;
2. one tensor per binary convolution: the result of the *same kernel* that `main` calls, on PyTorch's bits,
   with scale 1, shift 0 and nothing to add: integers as float32, or relu of them where the kernel has a ReLU
   (a bitserial kernel adds an offset before its ReLU: raised so far that nothing is negative, and lowered
   again by the shift, it shows the integers themselves);
3. the network's outputs.

Feeding PyTorch's signs keeps rounding in the float parts from flipping a sign near zero, after which every
layer downstream would differ legitimately and nothing could be compared exactly.
"""

from typing import Any

import numpy as np
from tvm import relax

from frontend.nodes import (
    GROUPED_CONV2D,
    PACKED_BITSERIAL_CONV2D,
    PACKED_CONV2D,
    constant_array,
    make_constant,
    node_arguments,
    node_attributes,
    node_name,
    node_results,
    packed_results,
    remake_node,
    shape_of,
    tensor_type,
)
from frontend.rewriter import FunctionRewriter, rewrite, straight_line


class _VerifyMaker(FunctionRewriter):
    def __init__(self, packed: list[Any]) -> None:
        super().__init__()
        self._bits = [relax.Var(f"bits_{i}", kind) for i, kind in enumerate(packed)]
        self._own: list[Any] = []
        self._integers: list[Any] = []

    def rewrite_parameter(self, parameter: Any) -> Any:
        return relax.Var(parameter.name, parameter.ty)  # a variable belongs to one function

    def more_parameters(self) -> list[Any]:
        return self._bits

    def rewrite_call(self, variable: Any, call: Any) -> Any | None:  # noqa: ARG002
        if node_name(call) == PACKED_CONV2D:
            self._show_integers(call)
        elif node_name(call) == GROUPED_CONV2D:
            self._show_grouped_integers(call)
        elif node_name(call) == PACKED_BITSERIAL_CONV2D:
            self._show_bitserial_integers(call)
        packed = packed_results(call)
        if not packed:
            return None
        items = self.emit_items(call)
        for index in packed:
            self._own.append(items[index])
            items[index] = self._bits[len(self._own) - 1]
        return items[0] if len(items) == 1 else self.tuple_of(items)

    def _show_integers(self, call: Any) -> None:
        """Call the same kernel with scale 1, shift 0 and nothing to add."""
        words, weight, _, _, *residual = node_arguments(call)
        plain = [words, *self._plain(weight, residual)]
        layers = node_attributes(call)["layers"]
        self._integers += self.emit_items(remake_node(call, plain))[: len(layers)]
        self.fired += len(layers)

    def _show_grouped_integers(self, call: Any) -> None:
        """Call the same kernel likewise, and have it show what it combines."""
        attributes = node_attributes(call)
        branches = len(attributes["layers"])
        words, (weight, _, _, *rest) = node_arguments(call)[:branches], node_arguments(call)[branches:]
        plain = [*words, *self._plain(weight, rest[:-3]), *rest[-3:]]
        shown = [tensor_type(attributes["shape"])] * branches
        node = remake_node(call, plain, *shown, *node_results(call), shown=True)
        self._integers += self.emit_items(node)[:branches]
        self.fired += branches

    def _plain(self, weight: Any, residual: list[Any]) -> list[Any]:
        """The weight, scale 1, shift 0 and zeros in place of residuals."""
        channels = shape_of(weight)[0]
        return [
            weight,
            make_constant(np.ones(channels, np.float32)),
            make_constant(np.zeros(channels, np.float32)),
            *(self.emit(relax.op.zeros(shape_of(tensor), "float32")) for tensor in residual),
        ]

    def _show_bitserial_integers(self, call: Any) -> None:
        """Call the same kernel with scale 1 and, where it has a ReLU, a range that lies above 0."""
        planes, weight, offset, *_ = node_arguments(call)
        channels, *taps = shape_of(weight)
        attributes = node_attributes(call)
        lift = float((2 ** attributes["bits"] - 1) * np.prod(taps)) if attributes["relu"] else 0.0
        plain = [
            planes,
            weight,
            make_constant(constant_array(offset) + np.float32(lift)),
            make_constant(np.ones(channels, np.float32)),
            make_constant(np.full(channels, -lift, np.float32)),
        ]
        self._integers.append(self.emit(remake_node(call, plain)))
        self.fired += 1

    def finish(self, result: Any) -> Any:
        made = self.producer(result)
        outputs = list(made.fields) if isinstance(made, relax.Tuple) else [result]
        return relax.Tuple([*self._own, *self._integers, *outputs])


def add_verify(module: Any) -> tuple[Any, int]:
    """Add `verify`; fired = number of binary convolutions whose integers it shows."""
    nodes = (binding.value for binding in straight_line(module["main"]))
    packed = [node_results(node)[index] for node in nodes for index in packed_results(node)]
    return rewrite(module, _VerifyMaker(packed), source="main", name="verify")
