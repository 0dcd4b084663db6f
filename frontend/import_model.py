"""Phase 0: a PyTorch ExportedProgram becomes a Relax function whose binary convolutions are single nodes."""

import warnings
from typing import Any

import torch
from tvm.relax.frontend.torch import from_exported_program

from frontend.errors import UnsupportedModelError
from frontend.layers import is_binary_conv2d, is_bitserial_conv2d, packed_layers
from frontend.nodes import BINARY_CONV2D, BITSERIAL_CONV2D, make_node, tensor_type


def import_model(exported: torch.export.ExportedProgram) -> tuple[Any, int]:
    """Import `exported`; returns the module and the number of binary and bitserial convolutions in it.

    Parameters and buffers become constants. Every `groupnet::binary_conv2d` becomes a node named
    `groupnet.binary_conv2d` with its stride, padding, dilation, pad value and layer name as attributes;
    every `groupnet::bitserial_conv2d` one with the activations' bits in place of the pad value.

    Raises:
        UnsupportedModelError: the program holds an operator that Relax cannot import, or a dynamic shape.
    """
    if exported.range_constraints:
        raise UnsupportedModelError(
            "expected static shapes; got a program exported with dynamic dimensions; export it without "
            "dynamic_shapes"
        )
    with warnings.catch_warnings():
        # torch's own pytree module warns about a deprecated check while the program is decomposed.
        warnings.simplefilter("ignore", FutureWarning)
        exported = exported.run_decompositions()
    layers = packed_layers(exported)

    def convert(node: Any, importer: Any) -> Any:
        x, weight, stride, padding, dilation, last = importer.retrieve_args(node)
        binary = is_binary_conv2d(node)
        attributes = {
            "stride": list(stride),
            "padding": list(padding),
            "dilation": list(dilation),
            "pad_value" if binary else "bits": last,
            "layer": layers[node.name],
        }
        name = BINARY_CONV2D if binary else BITSERIAL_CONV2D
        return importer.block_builder.emit(
            make_node(name, [x, weight], attributes, tensor_type(node.meta["val"].shape))
        )

    names = {
        node.target.__name__
        for node in exported.graph.nodes
        if is_binary_conv2d(node) or is_bitserial_conv2d(node)
    }
    try:
        module = from_exported_program(
            exported, custom_convert_map=dict.fromkeys(names, convert), run_ep_decomposition=False
        )
    except (AssertionError, KeyError, NotImplementedError, ValueError) as error:
        reason = str(error).strip() or type(error).__name__
        raise UnsupportedModelError(
            f"expected operators that Relax can import; got a failure ({reason}); replace the operator"
        ) from error
    return module, len(layers)
