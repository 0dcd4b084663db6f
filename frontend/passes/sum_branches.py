"""Turn the mean or sum over stacked branches into a chain of additions, so that no stack is ever stored."""

from typing import Any

import numpy as np
from tvm import relax

from frontend.nodes import make_constant, operator_name, shape_of
from frontend.rewriter import FunctionRewriter, rewrite


class _BranchSummer(FunctionRewriter):
    def rewrite_call(self, variable: Any, call: Any) -> Any | None:  # noqa: ARG002
        operator = operator_name(call)
        if operator not in ("relax.mean", "relax.sum") or call.attrs.keepdims:
            return None
        branches = self._stacked(call.args[0])
        if branches is None or call.attrs.axis is None or [int(axis) for axis in call.attrs.axis] != [0]:
            return None
        total = branches[0]
        for branch in branches[1:]:
            total = self.emit(relax.op.add(total, branch))
        self.fired += 1
        if operator == "relax.mean":
            return relax.op.multiply(total, make_constant(np.array(1.0 / len(branches), np.float32)))
        return total

    def _stacked(self, expr: Any) -> list[Any] | None:
        """The tensors that `expr` stacks along a new axis 0 (`stack` arrives as concat, reshape), or None."""
        made = self.producer(expr)
        if operator_name(made) == "relax.stack" and int(made.attrs.axis or 0) == 0:
            return list(self._fields(made.args[0]))
        if operator_name(made) != "relax.reshape":
            return None
        joined = self.producer(made.args[0])
        if operator_name(joined) != "relax.concat" or int(joined.attrs.axis or 0) != 0:
            return None
        branches = self._fields(joined.args[0])
        shape = shape_of(branches[0])
        same = all(shape_of(branch) == shape for branch in branches)
        return branches if same and shape_of(expr) == (len(branches), *shape) else None

    def _fields(self, expr: Any) -> list[Any]:
        made = expr if isinstance(expr, relax.Tuple) else self.producer(expr)
        return list(made.fields)


def sum_branches(module: Any) -> tuple[Any, int]:
    """Replace stack-and-reduce over axis 0; fired = number replaced.

    Before: `s = R.reshape(R.concat((y0, y1, y2), axis=0), (3, ...)); m = R.mean(s, axis=[0])`.
    After: `m = (y0 + y1 + y2) * (1/3)`.
    """
    return rewrite(module, _BranchSummer())
