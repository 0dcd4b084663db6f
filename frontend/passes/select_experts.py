"""Let a dynamic network's convolutions read packed weights that are selected while it runs."""

from typing import Any

from frontend.nodes import (
    BINARY_CONV2D,
    SELECT_WEIGHTS,
    is_constant,
    make_node,
    node_arguments,
    node_name,
    operator_name,
    remake_node,
    shape_of,
    tensor_type,
)
from frontend.rewriter import FunctionRewriter, rewrite


class _ExpertSelector(FunctionRewriter):
    def rewrite_call(self, variable: Any, call: Any) -> Any | None:  # noqa: ARG002
        if node_name(call) != BINARY_CONV2D:
            return None
        x, weight = node_arguments(call)
        if is_constant(weight):
            return None
        selected = self._selected(weight)
        if selected is None:
            return None
        self.fired += 1
        return remake_node(call, [x, self.emit(selected)])

    def _selected(self, weight: Any) -> Any | None:
        """`select_weights` for what `index_select` and `unbind` become on import; None for anything else."""
        squeezed = self.producer(weight)
        if operator_name(squeezed) != "relax.squeeze":
            return None
        sliced = self.producer(squeezed.args[0])
        if operator_name(sliced) != "relax.strided_slice":
            return None
        taken = self.producer(sliced.args[0])
        axes, begin, end, *_ = ([int(value) for value in part.fields] for part in sliced.args[1:])
        if operator_name(taken) != "relax.take" or axes != [0] or end != [begin[0] + 1]:
            return None
        bank, experts = taken.args
        if not is_constant(bank) or int(taken.attrs.axis) != 0 or len(shape_of(experts)) != 1:
            return None
        _, *shape = shape_of(bank)
        return make_node(SELECT_WEIGHTS, [bank, experts], {"place": begin[0]}, tensor_type(shape))


def select_experts(module: Any) -> tuple[Any, int]:
    """Name the selection of a bank's weights for what it is; fired = number of convolutions that read one.

    Before: `w = R.squeeze(R.strided_slice(R.take(bank, experts, axis=0), 0, 1)); y = binary_conv2d(x, w)`.
    After: `w = select_weights(bank, experts, place=0); y = binary_conv2d(x, w)`.
    """
    return rewrite(module, _ExpertSelector())
