"""Each distinct quantised tensor is packed once, whatever reads it, and its integers stay what they were."""

from pathlib import Path

import numpy as np
import pytest
import torch
from small_nets import verify_on_host
from torch import nn
from tvm import relax

from frontend.errors import UnsupportedModelError
from frontend.nodes import (
    BITSERIAL_CONV2D,
    PACK_PLANES,
    make_constant,
    make_node,
    node_attributes,
    node_name,
    tensor_type,
)
from frontend.passes.pack_levels import pack_levels
from frontend.rewriter import straight_line
from models.bitserial_conv2d import bitserial_conv2d

RNG = np.random.default_rng(0)


def convolution(x, kernel, padding, shape, *, bits=2, weight=None):
    if weight is None:
        weight = make_constant(RNG.normal(size=(4, 5, kernel, kernel)).astype(np.float32))
    attributes = {
        "stride": [1, 1],
        "padding": [padding] * 2,
        "dilation": [1, 1],
        "bits": bits,
        "layer": f"conv{kernel}x{kernel}a{bits}",
    }
    return make_node(BITSERIAL_CONV2D, [x, weight], attributes, tensor_type(shape))


def packs(module):
    return [
        node_attributes(b.value) for b in straight_line(module["main"]) if node_name(b.value) == PACK_PLANES
    ]


def test_readers_with_different_padding_share_one_pack(build_graph, evaluate):
    def body(emit, x):
        a = emit(convolution(x, 3, 1, (2, 6, 6, 4)))
        b = emit(convolution(x, 1, 0, (2, 6, 6, 4)))
        return emit(relax.op.add(a, b))

    module = build_graph({"x": (2, 6, 6, 5)}, body)
    after, fired = pack_levels(module)
    assert fired == 2
    assert packs(after) == [{"border": (1, 1), "bits": 2}]
    x = RNG.uniform(-0.5, 1.5, size=(2, 6, 6, 5)).astype(np.float32)
    x[0, :, :, 2] = 0.5  # 1.5 levels: halves go to the even one
    np.testing.assert_array_equal(evaluate(after, x)[0], evaluate(module, x)[0])


def test_other_bits_are_another_pack(build_graph):
    def body(emit, x):
        a = emit(convolution(x, 1, 0, (1, 6, 6, 4), bits=1))
        b = emit(convolution(x, 1, 0, (1, 6, 6, 4), bits=4))
        return emit(relax.op.add(a, b))

    after, _ = pack_levels(build_graph({"x": (1, 6, 6, 5)}, body))
    assert packs(after) == [{"border": (0, 0), "bits": 1}, {"border": (0, 0), "bits": 4}]


def test_computed_weights_are_refused(build_graph):
    def body(emit, x, w):
        return emit(convolution(x, 1, 0, (1, 6, 6, 4), weight=w))

    with pytest.raises(UnsupportedModelError, match="stored weights"):
        pack_levels(build_graph({"x": (1, 6, 6, 5), "w": (4, 5, 1, 1)}, body))


class _Net(nn.Module):
    """Two bitserial layers on one input, a ReLU behind one, negative scales, and one on their sum."""

    def __init__(self, bits: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(bits)
        self.bits = bits
        for name, shape in (("a", (20, 7, 3, 3)), ("b", (20, 7, 1, 1)), ("c", (6, 20, 3, 3))):
            self.register_buffer(name, torch.randn(shape, generator=generator).sign())
        self.register_buffer("scale", torch.randn((1, 20, 1, 1), generator=generator))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a = bitserial_conv2d(x, self.a, [2, 2], [2, 2], [2, 2], self.bits)
        b = bitserial_conv2d(x, self.b, [2, 2], [0, 0], [1, 1], self.bits)
        y = torch.relu(a) * 0.05 * self.scale + (b * 0.1 + self.scale)
        return bitserial_conv2d(y, self.c, [1, 1], [1, 1], [1, 1], self.bits)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_a_compiled_net_has_pytorchs_integers(bits: int, tmp_path: Path) -> None:
    net = _Net(bits).eval()
    exported = torch.export.export(net, (torch.zeros(1, 7, 9, 9),))
    x = np.random.default_rng(1).uniform(-0.3, 1.3, (1, 7, 9, 9)).astype(np.float32)
    report, verified = verify_on_host(exported, x, tmp_path / "module.so")
    assert report.binary_convs == verified.binary_convs == 3
    assert verified.integers == 5 * 5 * (20 + 20 + 6)
    assert [pack.shape[0] for pack in report.packs] == [bits, bits]
    assert sum("bitserial_conv2d" in kernel.name for kernel in report.kernels) == 3
