"""Split each binary convolution into a pack, shared by all readers of a tensor, and a packed convolution."""

from collections import defaultdict
from typing import Any

import numpy as np

from frontend.errors import UnsupportedModelError
from frontend.nodes import (
    BINARY_CONV2D,
    PACK,
    PACKED_CONV2D,
    SELECT_WEIGHTS,
    is_constant,
    make_constant,
    make_node,
    node_arguments,
    node_attributes,
    node_name,
    node_results,
    shape_of,
    tensor_type,
)
from frontend.rewriter import FunctionRewriter, rewrite
from tvm_schedules.words import words


class _ActivationPacker(FunctionRewriter):
    def __init__(self) -> None:
        super().__init__()
        self._pack_key: dict[Any, tuple[Any, int]] = {}  # convolution -> old input, pad value
        self._packs: dict[tuple[Any, int], Any] = {}
        self._border: dict[tuple[Any, int], list[int]] = defaultdict(lambda: [0, 0])

    def begin(self, old_parameters: Any, new_parameters: Any) -> None:
        """Find, for each binarised tensor, the widest border that any of its readers needs."""
        super().begin(old_parameters, new_parameters)
        for binding in self.bindings:
            if node_name(binding.value) != BINARY_CONV2D:
                continue
            attributes = node_attributes(binding.value)
            key = (node_arguments(binding.value)[0], attributes["pad_value"])
            self._pack_key[binding.var] = key
            border = self._border[key]
            for axis in (0, 1):
                border[axis] = max(border[axis], attributes["padding"][axis])

    def rewrite_call(self, variable: Any, call: Any) -> Any | None:
        if node_name(call) != BINARY_CONV2D:
            return None
        x, weight = node_arguments(call)
        if not is_constant(weight) and node_name(self.producer(weight)) != SELECT_WEIGHTS:
            raise UnsupportedModelError(
                f"expected stored weights for `{node_attributes(call)['layer']}`; got computed ones; a "
                "binary convolution's weights are packed when the model is compiled"
            )
        attributes = node_attributes(call)
        key = self._pack_key[variable]
        border = self._border[key]
        n, h, w, c = shape_of(x)
        if key not in self._packs:
            shape = (n, h + 2 * border[0], w + 2 * border[1], words(c))
            pack = make_node(
                PACK,
                [x],
                {"border": border, "pad_value": attributes["pad_value"]},
                tensor_type(shape, "uint32"),
            )
            self._packs[key] = self.emit(pack)
        out_channels = shape_of(weight)[0]
        self.fired += 1
        return make_node(
            PACKED_CONV2D,
            [
                self._packs[key],
                weight,
                make_constant(np.ones(out_channels, np.float32)),
                make_constant(np.zeros(out_channels, np.float32)),
            ],
            {
                "height": h,
                "width": w,
                "in_channels": c,
                "border": border,
                "stride": attributes["stride"],
                "padding": attributes["padding"],
                "dilation": attributes["dilation"],
                "relu": False,
                "residual": False,
                "packed": False,
                "in_place": False,
                "layers": [attributes["layer"]],
            },
            *node_results(call),
        )


def pack_activations(module: Any) -> tuple[Any, int]:
    """Replace every binary convolution; fired = number replaced.

    Before: `y0 = binary_conv2d(x, w0); y1 = binary_conv2d(x, w1)`.
    After: `p = pack(x); y0 = packed_conv2d(p, w0, 1, 0); y1 = packed_conv2d(p, w1, 1, 0)`.
    Readers with different padding share one pack with the widest border; readers with different pad values do
    not.
    """
    return rewrite(module, _ActivationPacker())
