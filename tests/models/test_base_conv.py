"""Which convolution a description asks for."""

import pytest
import torch

from models.base_conv import LayerDecomposition, base_conv, branch_conv
from models.bitserial_layers import BitserialConv2d
from models.config import GroupNetConfig
from models.layers import BinaryConv2d

SMALL = GroupNetConfig(
    depths=(1,), width=4, bases=3, num_classes=3, in_channels=3, input_size=8, stem="small"
)


def test_signs_have_the_border_that_the_description_says():
    conv = base_conv(SMALL.replace(pad_value=-1, precision="tanh"), 4, 5, 3, stride=2, rate=3)
    assert isinstance(conv, BinaryConv2d)
    assert (conv.stride, conv.dilation, conv.padding) == (2, 3, 3)
    assert (conv.pad_value, conv.precision) == (-1, "tanh")


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_more_bits_are_quantised_and_clipped(bits):
    conv = base_conv(SMALL.replace(activation_bits=bits, precision="float"), 4, 5, 3, stride=2, rate=3)
    assert isinstance(conv, BitserialConv2d)
    assert (conv.stride, conv.dilation, conv.padding) == (2, 3, 3)
    assert (conv.activation_bits, conv.straight_through, conv.precision) == (bits, "clipped", "float")


@pytest.mark.parametrize("group", ["layer", "block"])
def test_only_layers_are_decomposed_inside_a_branch(group):
    conv = branch_conv(SMALL.replace(group=group, gate="none"), 4, 5, 1, stride=2, rate=1)
    if group == "block":
        assert isinstance(conv, BinaryConv2d)
        return
    assert isinstance(conv, LayerDecomposition) and len(conv.bases) == 3
    x = torch.randn(1, 4, 5, 5)
    torch.testing.assert_close(conv(x), torch.stack([base(x) for base in conv.bases]).mean(0))
