"""Add the function `verify` beside `main`: the same network, fed with PyTorch's signs, showing every integer.

`verify(x, bits_0, ..., bits_{P-1})` returns a tuple of

1. P tensors: the packed signs that the device itself computes for each distinct binarised tensor;
2. one tensor per binary convolution: the result of the *same kernel* that `main` calls, on PyTorch's bits,
   with scale 1 and shift 0: integers as float32, or relu of them where the kernel's epilogue has a ReLU;
3. the network's outputs.

Feeding PyTorch's signs keeps rounding in the float parts from flipping a sign near zero, after which every
layer downstream would differ legitimately and nothing could be compared exactly.
"""

from typing import Any

import numpy as np
from tvm import relax

from frontend.nodes import (
    PACK,
    PACKED_CONV2D,
    make_constant,
    node_arguments,
    node_name,
    node_shape,
    remake_node,
)
from frontend.rewriter import FunctionRewriter, rewrite, straight_line


class _VerifyMaker(FunctionRewriter):
    def __init__(self, packs: list[Any]) -> None:
        super().__init__()
        self._bits = [
            relax.Var(f"bits_{i}", relax.TensorType(node_shape(pack), "uint32"))
            for i, pack in enumerate(packs)
        ]
        self._own: list[Any] = []
        self._integers: list[Any] = []

    def rewrite_parameter(self, parameter: Any) -> Any:
        return relax.Var(parameter.name, parameter.ty)  # a variable belongs to one function

    def more_parameters(self) -> list[Any]:
        return self._bits

    def rewrite_call(self, variable: Any, call: Any) -> Any | None:  # noqa: ARG002
        if node_name(call) == PACK:
            self._own.append(self.emit(call))
            return self._bits[len(self._own) - 1]
        if node_name(call) == PACKED_CONV2D:
            words, weight, *_ = node_arguments(call)
            channels = node_shape(call)[-1]
            plain = [
                words,
                weight,
                make_constant(np.ones(channels, np.float32)),
                make_constant(np.zeros(channels, np.float32)),
            ]
            self._integers.append(self.emit(remake_node(call, plain)))
            self.fired += 1
        return None

    def finish(self, result: Any) -> Any:
        made = self.producer(result)
        outputs = list(made.fields) if isinstance(made, relax.Tuple) else [result]
        return relax.Tuple([*self._own, *self._integers, *outputs])


def add_verify(module: Any) -> tuple[Any, int]:
    """Add `verify`; fired = number of binary convolutions whose integers it shows."""
    packs = [b.value for b in straight_line(module["main"]) if node_name(b.value) == PACK]
    return rewrite(module, _VerifyMaker(packs), source="main", name="verify")
