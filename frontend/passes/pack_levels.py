"""Split each bitserial convolution into a pack of its input's levels, shared by readers, and a packed one."""

from collections import defaultdict
from typing import Any

import numpy as np

from frontend.errors import UnsupportedModelError
from frontend.nodes import (
    BITSERIAL_CONV2D,
    PACK_PLANES,
    PACKED_BITSERIAL_CONV2D,
    constant_array,
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


class _LevelPacker(FunctionRewriter):
    def __init__(self) -> None:
        super().__init__()
        self._key: dict[Any, tuple[Any, int]] = {}  # convolution -> old input, bits
        self._packs: dict[tuple[Any, int], Any] = {}
        self._border: dict[tuple[Any, int], list[int]] = defaultdict(lambda: [0, 0])

    def begin(self, old_parameters: Any, new_parameters: Any) -> None:
        """Find, for each quantised tensor, the widest border that any of its readers needs."""
        super().begin(old_parameters, new_parameters)
        for binding in self.bindings:
            if node_name(binding.value) != BITSERIAL_CONV2D:
                continue
            attributes = node_attributes(binding.value)
            key = (node_arguments(binding.value)[0], attributes["bits"])
            self._key[binding.var] = key
            for axis in (0, 1):
                self._border[key][axis] = max(self._border[key][axis], attributes["padding"][axis])

    def rewrite_call(self, variable: Any, call: Any) -> Any | None:
        if node_name(call) != BITSERIAL_CONV2D:
            return None
        x, weight = node_arguments(call)
        attributes = node_attributes(call)
        if not is_constant(weight):
            raise UnsupportedModelError(
                f"expected stored weights for `{attributes['layer']}`; got computed ones; a bitserial "
                "convolution's weights are packed when the model is compiled"
            )
        key, bits = self._key[variable], attributes["bits"]
        border = self._border[key]
        n, h, w, c = shape_of(x)
        if key not in self._packs:
            shape = (bits * n, h + 2 * border[0], w + 2 * border[1], words(c))
            pack = make_node(PACK_PLANES, [x], {"border": border, "bits": bits}, tensor_type(shape, "uint32"))
            self._packs[key] = self.emit(pack)
        array = constant_array(weight)
        # `dot = offset - popcounts`: what the popcounts of each channel's +1 weights add up to.
        offset = (2**bits - 1) * (array >= 0).sum((1, 2, 3))
        channels = len(array)
        self.fired += 1
        return make_node(
            PACKED_BITSERIAL_CONV2D,
            [
                self._packs[key],
                weight,
                make_constant(offset.astype(np.float32)),
                make_constant(np.ones(channels, np.float32)),
                make_constant(np.zeros(channels, np.float32)),
            ],
            {
                "batch": n,
                "height": h,
                "width": w,
                "in_channels": c,
                "bits": bits,
                "border": border,
                "stride": attributes["stride"],
                "padding": attributes["padding"],
                "dilation": attributes["dilation"],
                "relu": False,
                "layers": [attributes["layer"]],
            },
            *node_results(call),
        )


def pack_levels(module: Any) -> tuple[Any, int]:
    """Replace every bitserial convolution; fired = number replaced.

    Before: `y0 = bitserial_conv2d(x, w0); y1 = bitserial_conv2d(x, w1)`, of 2-bit activations.
    After: `p = pack_planes(x); y0 = packed_bitserial_conv2d(p, w0, offset0, 1, 0); y1 = ...`, `p` of twice
    the batch.
    """
    return rewrite(module, _LevelPacker())
