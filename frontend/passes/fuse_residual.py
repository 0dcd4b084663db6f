"""Fold the skip connection into the binary convolution before it: one more operand of the epilogue."""

from typing import Any

from frontend.nodes import (
    PACKED_CONV2D,
    is_constant,
    node_arguments,
    node_attributes,
    node_name,
    operator_name,
    remake_node,
    shape_of,
)
from frontend.rewriter import FunctionRewriter, rewrite


class _ResidualFuser(FunctionRewriter):
    def rewrite_call(self, variable: Any, call: Any) -> Any | None:  # noqa: ARG002
        if operator_name(call) != "relax.add":
            return None
        # Where both are convolutions the first takes the second in: a block adds its shortcut to the branch.
        for own, other in (tuple(call.args), tuple(reversed(list(call.args)))):
            node = self.producer(own)
            if not self._takes_residual(node, own) or is_constant(other):
                continue
            if other is own or shape_of(other) != shape_of(own) or other.ty.dtype != "float32":
                continue
            self.fired += 1
            return remake_node(node, [*node_arguments(node), other], residual=True)
        return None

    def _takes_residual(self, node: Any, result: Any) -> bool:
        return (
            node_name(node) == PACKED_CONV2D
            and not node_attributes(node)["residual"]
            and self.readers(result) == 1
        )


def fuse_residual(module: Any) -> tuple[Any, int]:
    """Fold additions into convolutions; fired = number folded.

    Before: `y = packed_conv2d(p, w, s, b); z = y + x`, where nobody else reads `y`.
    After: `z = packed_conv2d(p, w, s, b, x, residual=True)`.
    """
    return rewrite(module, _ResidualFuser())
