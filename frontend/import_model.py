"""Phase 0: a PyTorch ExportedProgram becomes a Relax function whose binary convolutions are single nodes."""

import warnings
from typing import Any

import torch
from tvm.relax.frontend.torch import from_exported_program

from frontend.errors import UnsupportedModelError
from frontend.layers import binary_conv2d_layers, is_binary_conv2d
from frontend.nodes import BINARY_CONV2D, make_node, tensor_type


def import_model(exported: torch.export.ExportedProgram) -> tuple[Any, int]:
    """Import `exported`; returns the module and the number of binary convolutions in it.

    Parameters and buffers become constants. Every `groupnet::binary_conv2d` becomes a node named
    `groupnet.binary_conv2d` with its stride, padding, dilation, pad value and layer name as attributes.

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
    layers = binary_conv2d_layers(exported)

    def convert(node: Any, importer: Any) -> Any:
        x, weight, stride, padding, dilation, pad_value = importer.retrieve_args(node)
        attributes = {
            "stride": list(stride),
            "padding": list(padding),
            "dilation": list(dilation),
            "pad_value": pad_value,
            "layer": layers[node.name],
        }
        return importer.block_builder.emit(
            make_node(BINARY_CONV2D, [x, weight], attributes, tensor_type(node.meta["val"].shape))
        )

    names = {node.target.__name__ for node in exported.graph.nodes if is_binary_conv2d(node)}
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
