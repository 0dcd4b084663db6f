"""Evaluate at compile time what depends on parameters alone: mean|W|, sigmoid(theta), transposed weights."""

from typing import Any

from tvm import relax

from frontend.rewriter import remove_dead_code, straight_line


def fold_constants(module: Any) -> tuple[Any, int]:
    """Fold constant expressions; fired = number of bindings that disappeared.

    Before: `lv = R.abs(w); lv1 = R.mean(lv); lv2 = R.multiply(y, lv1)`. After: `lv2 = R.multiply(y, c)`.
    """
    before = len(straight_line(module["main"]))
    module = remove_dead_code(relax.transform.FoldConstant()(module))
    return module, before - len(straight_line(module["main"]))
