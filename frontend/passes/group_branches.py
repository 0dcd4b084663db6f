"""Put the last convolutions of a group's branches and what the group ends with into one node."""

from typing import Any

import numpy as np

from frontend.nodes import (
    COMBINE,
    GROUPED_CONV2D,
    PACKED_CONV2D,
    constant_array,
    is_constant,
    make_constant,
    make_node,
    node_arguments,
    node_attributes,
    node_name,
    node_results,
    shape_of,
)
from frontend.rewriter import FunctionRewriter, rewrite


class _BranchGrouper(FunctionRewriter):
    def rewrite_call(self, variable: Any, call: Any) -> Any | None:  # noqa: ARG002
        if node_name(call) != COMBINE:
            return None
        *branches, own, weight, share = node_arguments(call)
        nodes = [self.producer(branch) for branch in branches]
        if any(node_name(node) != PACKED_CONV2D for node in nodes):
            return None
        if any(self.readers(branch) != 1 for branch in branches):
            return None
        if not all(is_constant(node_arguments(node)[1]) for node in nodes):
            return None  # weights that are selected while running cannot be joined beforehand
        if any(_geometry(node) != _geometry(nodes[0]) for node in nodes):
            return None
        words, *constants, residuals = zip(*(_operands(node) for node in nodes), strict=True)
        stacked = [make_constant(np.concatenate([constant_array(one) for one in each])) for each in constants]
        added = [residual for residual in residuals if residual is not None]
        attributes = node_attributes(nodes[0]) | node_attributes(call)
        attributes |= {
            "layers": [layer for node in nodes for layer in node_attributes(node)["layers"]],
            "shape": shape_of(branches[0]),
            "shown": False,
        }
        self.fired += 1
        arguments = [*words, *stacked, *added, own, weight, share]
        return make_node(GROUPED_CONV2D, arguments, attributes, *node_results(call))


def _operands(node: Any) -> tuple[Any, Any, Any, Any, Any | None]:
    """Words, weight, scale, shift and residual, if there is one."""
    words, weight, scale, shift, *residual = node_arguments(node)
    return words, weight, scale, shift, residual[0] if residual else None


def _geometry(node: Any) -> Any:
    """What branches must have in common: shapes, and every attribute but the name."""
    attributes = {key: value for key, value in node_attributes(node).items() if key != "layers"}
    words, weight, *_ = node_arguments(node)
    return shape_of(words), shape_of(weight), attributes


def group_branches(module: Any) -> tuple[Any, int]:
    """Group convolutions of one geometry that one combination alone reads; fired = number of groups.

    Before: `y0 = packed_conv2d(p0, w0); y1 = packed_conv2d(p1, w1); x0, x1 = combine(y0, y1)`.
    After: `x0, x1 = grouped_conv2d(p0, p1, concat(w0, w1))`, and no `y` is ever stored.
    """
    return rewrite(module, _BranchGrouper())
