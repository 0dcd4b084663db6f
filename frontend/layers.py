"""Names for the binary and bitserial convolutions of an exported program."""

from collections import Counter
from typing import Any

import torch

# The operators are known by their names only: this package imports nothing of `models`.
_BINARY = "groupnet::binary_conv2d"
_BITSERIAL = "groupnet::bitserial_conv2d"
_KINDS = {_BINARY: "binary", _BITSERIAL: "bitserial"}


def is_binary_conv2d(node: Any) -> bool:
    """Whether an FX node calls `groupnet::binary_conv2d`."""
    return _calls(node, _BINARY)


def is_bitserial_conv2d(node: Any) -> bool:
    """Whether an FX node calls `groupnet::bitserial_conv2d`."""
    return _calls(node, _BITSERIAL)


def _calls(node: Any, operator: str) -> bool:
    return node.op == "call_function" and _is(node.target, operator)


def _is(operator: Any, name: str) -> bool:
    schema = getattr(operator, "_schema", None)
    return schema is not None and bool(schema.name == name)


def packs_bits(operator: Any) -> str | None:
    """`binary` or `bitserial` where a PyTorch operator convolves bits, else None."""
    return next((kind for name, kind in _KINDS.items() if _is(operator, name)), None)


def packed_layers(exported: torch.export.ExportedProgram) -> dict[str, str]:
    """Map the name of each FX node that convolves bits to the path of its layer, in graph order.

    The path is the innermost module's (`blocks.1.bases.0.conv1`). A module that is called several times (a
    downsample shared by the K bases) gets `#1`, `#2`, ... behind its second and further calls, so that names
    are unique.
    """
    calls: Counter[str] = Counter()
    names = {}
    for node in exported.graph.nodes:
        if not (is_binary_conv2d(node) or is_bitserial_conv2d(node)):
            continue
        stack = list(node.meta.get("nn_module_stack", {}).values())
        path = (stack[-1][0] if stack else "") or node.name
        names[node.name] = f"{path}#{calls[path]}" if calls[path] else path
        calls[path] += 1
    return names
