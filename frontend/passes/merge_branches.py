"""Make one wide convolution of the binary convolutions that read one packed tensor in the same way."""

from collections import defaultdict
from typing import Any

import numpy as np

from frontend.nodes import (
    PACKED_CONV2D,
    constant_array,
    is_constant,
    make_constant,
    node_arguments,
    node_attributes,
    node_name,
    node_results,
    remake_node,
    shape_of,
)
from frontend.rewriter import FunctionRewriter, rewrite


class _BranchMerger(FunctionRewriter):
    def begin(self, old_parameters: Any, new_parameters: Any) -> None:
        super().begin(old_parameters, new_parameters)
        groups: dict[Any, list[Any]] = defaultdict(list)
        for binding in self.bindings:
            # Weights that are selected while running cannot be joined beforehand.
            if node_name(binding.value) == PACKED_CONV2D and is_constant(node_arguments(binding.value)[1]):
                groups[_geometry(binding.value)].append(binding)
        self._group_of = {
            binding.var: group for group in groups.values() if len(group) > 1 for binding in group
        }
        self._merged: dict[Any, Any] = {}

    def rewrite_call(self, variable: Any, call: Any) -> Any | None:
        group = self._group_of.get(variable)
        if group is None:
            return None
        if variable not in self._merged:
            self._merge(group, node_arguments(call))
            self.fired += len(group)
        return self._merged[variable]

    def _merge(self, group: list[Any], arguments: list[Any]) -> None:
        nodes = [binding.value for binding in group]
        constants = [
            make_constant(np.concatenate([constant_array(node_arguments(node)[i]) for node in nodes]))
            for i in (1, 2, 3)
        ]
        layers = [layer for node in nodes for layer in node_attributes(node)["layers"]]
        kinds = node_results(nodes[0])  # floats, and words where signs are packed
        results = [kind for kind in kinds for _ in nodes]
        wide = remake_node(nodes[0], [arguments[0], *constants, *arguments[4:]], *results, layers=layers)
        items = self.emit_items(wide)
        for branch, binding in enumerate(group):
            own = items[branch :: len(nodes)]
            self._merged[binding.var] = own[0] if len(own) == 1 else self.tuple_of(own)


def _geometry(node: Any) -> Any:
    """What nodes must have in common: input, residual, shape of the weights, every attribute but the name."""
    attributes = {key: value for key, value in node_attributes(node).items() if key != "layers"}
    words, weight, _, _, *residual = node_arguments(node)
    return words, tuple(residual), shape_of(weight), tuple(sorted(attributes.items()))


def merge_branches(module: Any) -> tuple[Any, int]:
    """Merge convolutions that share input, residual and geometry; fired = number of convolutions merged.

    Before: `y0 = packed_conv2d(p, w0); y1 = packed_conv2d(p, w1)`, 64 channels each.
    After: `y0, y1 = packed_conv2d(p, concat(w0, w1))`, one kernel with two results.
    """
    return rewrite(module, _BranchMerger())
