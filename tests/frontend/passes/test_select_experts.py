"""The selection of an expert's weights is found where it is one, and left alone where it is not."""

import numpy as np
import torch
from small_nets import example, verify_on_host
from tvm import relax

from frontend.nodes import (
    BINARY_CONV2D,
    SELECT_WEIGHTS,
    make_constant,
    make_node,
    node_attributes,
    node_name,
    tensor_type,
)
from frontend.passes.select_experts import select_experts
from frontend.rewriter import straight_line
from models.deploy import deploy
from models.randomize import randomize
from models.registry import build

BANK = np.random.default_rng(0).choice([-1.0, 1.0], (5, 4, 3, 1, 1)).astype(np.float32)
ATTRIBUTES = {"stride": [1, 1], "padding": [0, 0], "dilation": [1, 1], "pad_value": 1, "layer": "conv"}


def graph(bank, place=1, width=1, axis=0):
    """One convolution with weights taken from `bank` as `index_select` and `unbind` are imported."""
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((1, 6, 6, 3), "float32"))
    experts = relax.Var("experts", relax.TensorType((2,), "int64"))
    parameters = [x, experts]
    if bank is None:
        bank = relax.Var("bank", relax.TensorType(BANK.shape, "float32"))
        parameters.append(bank)
    with builder.function("main", parameters):
        with builder.dataflow():
            taken = builder.emit(relax.op.take(bank, experts, axis=axis, mode="fast"))
            part = builder.emit(relax.op.strided_slice(taken, [0], [place], [place + width]))
            weight = builder.emit(relax.op.squeeze(part, [0]))
            node = make_node(BINARY_CONV2D, [x, weight], ATTRIBUTES, tensor_type((1, 6, 6, 4)))
            result = builder.emit_output(builder.emit(node))
        builder.emit_func_output(result)
    return builder.finalize()


def selections(module):
    return [b.value for b in straight_line(module["main"]) if node_name(b.value) == SELECT_WEIGHTS]


def test_weights_of_a_bank_are_selected_by_place():
    after, fired = select_experts(graph(make_constant(BANK)))
    assert fired == 1
    (node,) = selections(after)
    assert node_attributes(node) == {"place": 1}


def test_a_bank_that_is_computed_is_no_bank():
    after, fired = select_experts(graph(None))
    assert (fired, selections(after)) == (0, [])


def test_a_dynamic_network_has_pytorchs_integers_whichever_experts_it_chooses(tmp_path):
    network = build(
        "groupnet_resnet18_dynamic",
        bases=2,
        experts=3,
        width=8,
        depths=(1, 1),
        stem="small",
        input_size=8,
        num_classes=3,
    )
    randomize(network, 0)
    exported = torch.export.export(deploy(network), (torch.zeros(1, 3, 8, 8),))
    for seed in range(2):
        x = example(3, seed, size=8)
        report, verified = verify_on_host(exported, x, tmp_path / f"module{seed}.so")
        # Two of three experts run: four convolutions a block, and the shortcut of the second.
        assert report.binary_convs == verified.binary_convs == 2 * 4 + 1
