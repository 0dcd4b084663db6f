"""Make one wide convolution of the binary convolutions that read one packed tensor in the same way."""

from collections import defaultdict
from typing import Any

import numpy as np
from tvm import relax

from frontend.nodes import (
    PACKED_CONV2D,
    constant_array,
    make_constant,
    node_arguments,
    node_attributes,
    node_name,
    node_shape,
    remake_node,
)
from frontend.rewriter import FunctionRewriter, rewrite

_PER_BRANCH = ("layers", "channels")


class _BranchMerger(FunctionRewriter):
    def begin(self, old_parameters: Any, new_parameters: Any) -> None:
        super().begin(old_parameters, new_parameters)
        groups: dict[Any, list[Any]] = defaultdict(list)
        for binding in self.bindings:
            if node_name(binding.value) == PACKED_CONV2D:
                groups[self._geometry(binding.value)].append(binding)
        self._group_of = {
            binding.var: group for group in groups.values() if len(group) > 1 for binding in group
        }
        self._wide: dict[Any, tuple[Any, dict[Any, tuple[int, int]]]] = {}

    def _geometry(self, node: Any) -> Any:
        shared = {key: v for key, v in node_attributes(node).items() if key not in _PER_BRANCH}
        arguments = node_arguments(node)
        return arguments[0], constant_array(arguments[1]).shape[1:], tuple(sorted(shared.items()))

    def rewrite_call(self, variable: Any, call: Any) -> Any | None:
        group = self._group_of.get(variable)
        if group is None:
            return None
        first = group[0].var
        if first not in self._wide:
            self._wide[first] = self._merge(group, node_arguments(call)[0])
            self.fired += len(group)
        wide, ranges = self._wide[first]
        begin, end = ranges[variable]
        return relax.op.strided_slice(wide, axes=[3], begin=[begin], end=[end])

    def _merge(self, group: list[Any], packed: Any) -> tuple[Any, dict[Any, tuple[int, int]]]:
        nodes = [binding.value for binding in group]
        constants = [
            make_constant(np.concatenate([constant_array(node_arguments(node)[i]) for node in nodes]))
            for i in (1, 2, 3)
        ]
        joined = {key: [item for node in nodes for item in node_attributes(node)[key]] for key in _PER_BRANCH}
        ends = np.cumsum([node_shape(node)[-1] for node in nodes])
        ranges = {
            binding.var: (int(end) - node_shape(binding.value)[-1], int(end))
            for binding, end in zip(group, ends, strict=True)
        }
        shape = (*node_shape(nodes[0])[:-1], int(ends[-1]))
        return self.emit(remake_node(nodes[0], [packed, *constants], shape, **joined)), ranges


def merge_branches(module: Any) -> tuple[Any, int]:
    """Merge convolutions that share input and geometry; fired = number of convolutions merged.

    Before: `y0 = packed_conv2d(p, w0); y1 = packed_conv2d(p, w1)`, 64 channels each.
    After: `y = packed_conv2d(p, concat(w0, w1)); y0 = y[..., 0:64]; y1 = y[..., 64:128]`.
    """
    return rewrite(module, _BranchMerger())
