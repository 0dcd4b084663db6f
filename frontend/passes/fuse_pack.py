"""Let the kernel that computes a tensor also write its packed signs, while the values are in registers."""

from typing import Any

from frontend.nodes import (
    COMBINE,
    PACK,
    PACKED_CONV2D,
    node_arguments,
    node_attributes,
    node_name,
    node_results,
    remake_node,
    tensor_type,
)
from frontend.rewriter import FunctionRewriter, rewrite
from tvm_schedules.words import words


class _PackFuser(FunctionRewriter):
    def begin(self, old_parameters: Any, new_parameters: Any) -> None:
        """Find which packs can move: the first of each convolution's result, and all of a combination's."""
        super().begin(old_parameters, new_parameters)
        made = {binding.var: binding.value for binding in self.bindings}
        self._packs: dict[Any, dict[int, Any]] = {}
        for binding in self.bindings:
            if node_name(binding.value) != PACK:
                continue
            (source,) = node_arguments(binding.value)
            maker, index = source, 0
            if hasattr(made.get(source), "tuple_value"):
                maker, index = made[source].tuple_value, made[source].index
            if node_name(made.get(maker)) in (PACKED_CONV2D, COMBINE):
                self._packs.setdefault(maker, {}).setdefault(index, binding)
        self._words: dict[Any, Any] = {}

    def rewrite_call(self, variable: Any, call: Any) -> Any | None:
        if variable in self._words:
            return self._words[variable]
        packs = self._packs.get(variable)
        if packs is None:
            return None
        if node_name(call) == COMBINE:
            return self._fuse_combine(call, packs)
        return self._fuse(call, packs)

    def _fuse(self, call: Any, packs: dict[int, Any]) -> Any:
        """A convolution of one branch: its float result stays, for `verify` reads integers from it."""
        attributes = node_attributes(packs[0].value)
        words_type = _words_type(node_results(call)[0], attributes)
        node = remake_node(
            call, node_arguments(call), *node_results(call), words_type, packed=True, **_output(attributes)
        )
        floats, packed = self.emit_items(node)
        self._words[packs[0].var] = packed
        self.fired += 1
        return floats

    def _fuse_combine(self, call: Any, packs: dict[int, Any]) -> Any | None:
        mixed = int(node_attributes(call)["mixed"])
        results = node_results(call)
        inputs = range(mixed, len(results))
        if sorted(packs) != list(inputs) or not inputs:
            return None
        attributes = [node_attributes(packs[index].value) for index in inputs]
        if any(other != attributes[0] for other in attributes):
            return None
        # Where only packs read the new inputs (a shortcut reads signs too) no floats are written.
        floats = any(self.uses(node_arguments(packs[index].value)[0]) > 1 for index in inputs)
        kept = results if floats else results[:mixed]
        words_type = _words_type(results[mixed], attributes[0])
        node = remake_node(
            call,
            node_arguments(call),
            *kept,
            *[words_type] * len(inputs),
            floats=floats,
            packed=True,
            **_output(attributes[0]),
        )
        items = self.emit_items(node)
        packed = items[len(kept) :]
        for index, item in zip(inputs, packed, strict=True):
            self._words[packs[index].var] = item
        self.fired += len(inputs)
        # A float that is not written has no reader left but its pack, which now reads the words themselves.
        return self.tuple_of(items[: len(kept)] if floats else [*items[:mixed], *packed])


def _output(pack: dict[str, Any]) -> dict[str, Any]:
    return {"packed_border": pack["border"], "packed_pad_value": pack["pad_value"]}


def _words_type(floats: Any, pack: dict[str, Any]) -> Any:
    n, h, w, c = (int(extent) for extent in floats.shape)
    rows, columns = pack["border"]
    return tensor_type((n, h + 2 * rows, w + 2 * columns, words(c)), "uint32")


def fuse_pack(module: Any) -> tuple[Any, int]:
    """Fuse packs into what computes their input; fired = number of packs fused.

    Before: `y = packed_conv2d(p, w, s, b); q = pack(y)`.
    After: `y, q = packed_conv2d(p, w, s, b, packed=True)`.
    """
    return rewrite(module, _PackFuser())
