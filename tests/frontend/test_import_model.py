"""Import keeps each binary convolution as one node, and says what it cannot take."""

import pytest
import torch
from small_nets import export
from torch import nn

from frontend.errors import UnsupportedModelError
from frontend.import_model import import_model
from frontend.nodes import BINARY_CONV2D, node_attributes, node_name
from frontend.rewriter import straight_line
from models.deploy import deploy
from models.registry import build


def test_each_binary_convolution_is_one_node_with_its_name():
    module, count = import_model(export(bases=2))
    found = [
        node_attributes(b.value) for b in straight_line(module["main"]) if node_name(b.value) == BINARY_CONV2D
    ]
    assert len(found) == count > 0
    assert len({attributes["layer"] for attributes in found}) == count
    assert {attributes["pad_value"] for attributes in found} == {1}


def test_latent_weights_import_as_well_as_deployed_ones():
    model = build("groupnet_digits", bases=2, width=8).eval()
    x = (torch.zeros(1, 1, 32, 32),)
    latent = import_model(torch.export.export(model, x))[1]
    assert latent == import_model(torch.export.export(deploy(model), x))[1]


def test_dynamic_shapes_are_refused():
    model = nn.Conv2d(1, 2, 3)
    batch = torch.export.Dim("batch", min=2, max=8)
    exported = torch.export.export(model, (torch.zeros(2, 1, 8, 8),), dynamic_shapes=({0: batch},))
    with pytest.raises(UnsupportedModelError, match="dynamic"):
        import_model(exported)


class Unknown(nn.Module):
    def forward(self, x):
        return torch.special.bessel_j0(x)


def test_unknown_operator_is_named():
    exported = torch.export.export(Unknown(), (torch.zeros(1, 3),))
    with pytest.raises(UnsupportedModelError, match="bessel_j0"):
        import_model(exported)
