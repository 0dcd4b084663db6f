"""Pack the weights of every expert for the target, so that what is selected while running are words."""

from typing import Any

import numpy as np
from tvm import relax

from frontend.nodes import (
    SELECT_WEIGHTS,
    constant_array,
    make_constant,
    node_arguments,
    node_attributes,
    node_name,
)
from frontend.rewriter import FunctionRewriter, relax_functions, rewrite
from tvm_schedules.binary_conv2d import pack_weights


class _BankPacker(FunctionRewriter):
    def __init__(self, target: Any, packed: dict[Any, Any]) -> None:
        super().__init__()
        self._target = target
        self._packed = packed  # bank -> packed bank: `main` and `verify` share one copy

    def rewrite_call(self, variable: Any, call: Any) -> Any | None:  # noqa: ARG002
        if node_name(call) != SELECT_WEIGHTS:
            return None
        bank, experts = node_arguments(call)
        if bank not in self._packed:
            weights = constant_array(bank)
            self._packed[bank] = make_constant(
                np.stack([pack_weights(weight, self._target) for weight in weights])
            )
        place = node_attributes(call)["place"]
        packed = self._packed[bank]
        index = self.emit(relax.op.strided_slice(experts, [0], [place], [place + 1]))
        # Experts come from `topk` and are within the bank; "clip" keeps a broken one from reading beyond.
        chosen = self.emit(relax.op.take(packed, index, axis=0, mode="clip"))
        self.fired += 1
        return relax.op.reshape(chosen, constant_array(packed).shape[1:])


def pack_banks(module: Any, target: Any) -> tuple[Any, int]:
    """Replace every `select_weights`; fired = number replaced.

    Before: `w = select_weights(bank, experts, place=1)`, float32 [O, C, KH, KW].
    After: `w = R.take(packed_bank, experts[1:2])` as packed weights, uint32 [O/ot, KH, KW, C/32, ot].
    """
    packed: dict[Any, Any] = {}
    fired = 0
    for name in relax_functions(module):
        module, count = rewrite(module, _BankPacker(target, packed), source=name, name=name)
        fired += count
    return module, fired
