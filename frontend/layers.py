"""Names for the binary convolutions of an exported program."""

from collections import Counter
from typing import Any

import torch

OPERATOR = "groupnet::binary_conv2d"


def is_binary_conv2d(node: Any) -> bool:
    """Whether an FX node calls `groupnet::binary_conv2d`; the operator is known by its name only."""
    return (
        node.op == "call_function"
        and getattr(node.target, "_schema", None) is not None
        and (node.target._schema.name == OPERATOR)
    )


def binary_conv2d_layers(exported: torch.export.ExportedProgram) -> dict[str, str]:
    """Map each `binary_conv2d` FX node's name to the path of its layer, in graph order.

    The path is the innermost module's (`blocks.1.bases.0.conv1`). A module that is called several times (a
    downsample shared by the K bases) gets `#1`, `#2`, ... behind its second and further calls, so that names
    are unique.
    """
    calls: Counter[str] = Counter()
    names = {}
    for node in exported.graph.nodes:
        if not is_binary_conv2d(node):
            continue
        stack = list(node.meta.get("nn_module_stack", {}).values())
        path = (stack[-1][0] if stack else "") or node.name
        names[node.name] = f"{path}#{calls[path]}" if calls[path] else path
        calls[path] += 1
    return names
