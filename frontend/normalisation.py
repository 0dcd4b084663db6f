"""How pixels become a network's input, for modules that take the pixels themselves."""

from dataclasses import dataclass
from typing import Any

import torch

_CONVOLUTIONS = ("aten::conv2d", "aten::convolution")


@dataclass(frozen=True)
class Normalisation:
    """A network's input is `(pixel / 255 - mean) / std`, one mean and one std for each channel."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def starts_with_float_convolutions(exported: torch.export.ExportedProgram) -> bool:
    """Whether nothing but float convolutions reads the program's inputs, so that they can take pixels."""
    inputs = set(exported.graph_signature.user_inputs)
    readers = [
        reader
        for node in exported.graph.nodes
        if node.op == "placeholder" and node.name in inputs
        for reader in node.users
    ]
    return bool(readers) and all(_is_convolution(reader) for reader in readers)


def _is_convolution(node: Any) -> bool:
    schema = getattr(node.target, "_schema", None)
    return schema is not None and schema.name in _CONVOLUTIONS
