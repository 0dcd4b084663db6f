"""Layers of K binary branches: their sum by hand, skips, and batch norms of their own for each level."""

import pytest
import torch

from models.bitserial_layers import BitserialConv2d
from models.detection.decomposed_conv import DecomposedConv2d
from models.registry import config_of

CONFIG = config_of("groupnet_shapes_fcos").backbone.replace(bases=3)
X = torch.randn(2, 6, 5, 7, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("fusion", ["average", "learned"])
@pytest.mark.parametrize(("out_channels", "stride", "skips"), [(6, 1, True), (4, 1, False), (6, 2, False)])
def test_branches_are_convolved_normalised_and_fused(fusion, out_channels, stride, skips):
    layer = DecomposedConv2d(CONFIG.replace(fusion=fusion), 6, out_channels, 3, stride=stride)
    layer(X)
    layer.eval()
    assert layer.skips == skips
    weights = [1 / 3] * 3 if fusion == "average" else layer.fusion.scale
    expected = sum(
        weight * (norm(torch.relu(base(X))) + (X if skips else 0))
        for weight, base, norm in zip(weights, layer.bases, layer.norms[0], strict=True)
    )
    torch.testing.assert_close(layer(X), expected, rtol=1e-5, atol=1e-5)


def test_levels_share_convolutions_and_not_batch_norms():
    layer = DecomposedConv2d(CONFIG, 6, 4, 3, levels=2)
    assert len(layer.bases) == 3 and [len(norms) for norms in layer.norms] == [3, 3]
    layer(X, 1)
    assert all(norm.num_batches_tracked == 0 for norm in layer.norms[0])
    assert all(norm.num_batches_tracked == 1 for norm in layer.norms[1])
    layer.eval()
    assert not torch.allclose(layer(X, 0), layer(X, 1))


def test_without_a_last_relu_signs_of_both_kinds_are_left():
    layer = DecomposedConv2d(CONFIG, 6, 4, 3)
    y = layer(X)
    assert 0.2 < (y >= 0).float().mean() < 0.8


def test_bases_are_what_the_description_asks_for():
    layer = DecomposedConv2d(CONFIG.replace(activation_bits=2), 6, 4, 3)
    assert all(isinstance(base, BitserialConv2d) for base in layer.bases)
