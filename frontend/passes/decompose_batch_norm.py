"""Turn inference batch norm with constant statistics into one multiplication and one addition per channel."""

from typing import Any

import numpy as np
from tvm import relax

from frontend.errors import UnsupportedModelError
from frontend.nodes import constant_array, is_constant, make_constant, operator_name
from frontend.rewriter import FunctionRewriter, rewrite


class _BatchNormDecomposer(FunctionRewriter):
    def rewrite_tuple_item(self, variable: Any, item: Any) -> Any | None:
        call = self.producer(item.tuple_value)
        if operator_name(call) != "relax.nn.batch_norm" or item.index != 0:
            return super().rewrite_tuple_item(variable, item)
        x, *statistics = call.args
        if not all(is_constant(statistic) for statistic in statistics) or int(call.attrs.axis) != 1:
            raise UnsupportedModelError(
                "expected batch norm over channels with stored statistics; got computed statistics or "
                "another axis; call model.eval() before exporting"
            )
        # In float64, so that folding adds one rounding instead of four.
        gamma, beta, mean, variance = (
            constant_array(statistic).astype(np.float64) for statistic in statistics
        )
        scale = gamma / np.sqrt(variance + float(call.attrs.epsilon))
        shift = beta - mean * scale
        trailing = (-1,) + (1,) * (len(x.ty.shape) - 2)
        scaled = self.emit(relax.op.multiply(x, make_constant(scale.astype(np.float32).reshape(trailing))))
        self.fired += 1
        return relax.op.add(scaled, make_constant(shift.astype(np.float32).reshape(trailing)))


def decompose_batch_norm(module: Any) -> tuple[Any, int]:
    """Replace every batch norm; fired = number replaced.

    Before: `y = R.nn.batch_norm(x, gamma, beta, mean, var)[0]`. After: `y = x * s + b` with
    `s = gamma / sqrt(var + eps)`, `b = beta - mean * s`, both of shape [C, 1, 1]. Any sign of gamma is kept.
    """
    return rewrite(module, _BatchNormDecomposer())
