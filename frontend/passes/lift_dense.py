"""Recognise fully connected layers: a matrix product with a constant matrix becomes a dense node."""

from typing import Any

import numpy as np

from frontend.errors import UnsupportedModelError
from frontend.nodes import (
    DENSE,
    constant_array,
    is_constant,
    make_constant,
    make_node,
    operator_name,
    shape_of,
    tensor_type,
)
from frontend.rewriter import FunctionRewriter, rewrite


class _DenseLifter(FunctionRewriter):
    def rewrite_call(self, variable: Any, call: Any) -> Any | None:  # noqa: ARG002
        if operator_name(call) != "relax.matmul":
            return None
        x, matrix = call.args
        if not is_constant(matrix) or len(shape_of(x)) != 2 or len(shape_of(matrix)) != 2:
            raise UnsupportedModelError(
                "expected fully connected layers, [N, C] times a stored matrix; got a product of two "
                "computed tensors or of other ranks; there is no kernel for it"
            )
        weight = constant_array(matrix).T
        self.fired += 1
        bias = make_constant(np.zeros(weight.shape[0], np.float32))
        return make_node(
            DENSE,
            [x, make_constant(weight), bias],
            {"relu": False},
            tensor_type((shape_of(x)[0], weight.shape[0])),
        )


def lift_dense(module: Any) -> tuple[Any, int]:
    """Replace every `R.matmul(x, constant)`; fired = number replaced."""
    return rewrite(module, _DenseLifter())
