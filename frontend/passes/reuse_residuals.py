"""Let a convolution write its floats over the residual that it alone reads."""

from typing import Any

from tvm import relax

from frontend.nodes import (
    GROUPED_CONV2D,
    PACKED_CONV2D,
    added_residuals,
    node_attributes,
    node_name,
    node_results,
    remake_node,
)
from frontend.rewriter import FunctionRewriter, rewrite


class _ResidualReuser(FunctionRewriter):
    def rewrite_call(self, variable: Any, call: Any) -> Any | None:  # noqa: ARG002
        if node_name(call) not in (PACKED_CONV2D, GROUPED_CONV2D):
            return None
        attributes, residuals = node_attributes(call), added_residuals(call)
        # One residual that several branches add cannot become the result of each.
        one_each = len(residuals) == len(attributes["layers"])
        if not one_each or not _writes_floats(call) or not all(map(self._is_free, residuals)):
            return None
        self.fired += len(residuals)
        return remake_node(call, [*call.args[1].fields], in_place=True)

    def _is_free(self, residual: Any) -> bool:
        """Whether a kernel computed it and nobody but this reader wants it."""
        made = self.producer(residual)
        maker = self.producer(made.tuple_value) if isinstance(made, relax.TupleGetItem) else made
        return node_name(maker) in (PACKED_CONV2D, GROUPED_CONV2D) and self.readers(residual) == 1


def _writes_floats(call: Any) -> bool:
    """Whether floats of every branch are among the results, and not a sum alone."""
    attributes = node_attributes(call)
    floats = sum(str(result.dtype) == "float32" for result in node_results(call))
    return floats - int(attributes.get("mixed", False)) == len(attributes["layers"])


def reuse_residuals(module: Any) -> tuple[Any, int]:
    """Write floats over residuals; fired = number of residuals written over.

    Before: `z = packed_conv2d(p, w, s, b, x, residual=True)`, where nobody else reads `x`.
    After: the same with `in_place=True`: the memory of `x` becomes `z`'s.
    """
    return rewrite(module, _ResidualReuser())
