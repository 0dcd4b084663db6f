"""The network as a whole: stems, shapes, parameter names across precisions, gradients to every parameter."""

import pytest
import torch

from models.config import GroupNetConfig
from models.group_net import GroupNet

SMALL = GroupNetConfig(
    depths=(1, 1), width=4, bases=2, num_classes=3, in_channels=3, input_size=17, stem="small"
)


@pytest.mark.parametrize(("stem", "size"), [("imagenet", 5), ("small", 17)])
def test_stems_shrink_odd_images_as_documented(stem, size):
    net = GroupNet(SMALL.replace(stem=stem)).eval()
    image = torch.randn(2, 3, 17, 17)
    assert net.stem(image).shape == (2, 4, size, size)
    assert net(image).shape == (2, 3)


def test_the_stem_ends_with_batch_norm_and_without_relu():
    # Batch statistics put the mean of the maxima at 0; a ReLU after that would leave nothing below.
    net = GroupNet(SMALL.replace(stem="imagenet")).train()
    assert (net.stem(torch.randn(2, 3, 17, 17)) < 0).any()


def test_pre_training_parameters_load_into_the_binary_net():
    pretrained = GroupNet(SMALL.replace(precision="tanh", fusion="learned"))
    binary = GroupNet(SMALL.replace(fusion="learned"))
    binary.load_state_dict(pretrained.state_dict(), strict=True)
    float_twin = GroupNet(SMALL.replace(precision="float", fusion="learned"))
    assert float_twin.state_dict().keys() == binary.state_dict().keys()


@pytest.mark.parametrize("precision", ["binary", "tanh", "float"])
@pytest.mark.parametrize(
    "overrides",
    [{}, {"fusion": "learned", "gate": "base"}, {"group": "layer", "gate": "none", "fusion": "learned"}],
)
def test_every_parameter_learns(precision, overrides):
    torch.manual_seed(0)
    net = GroupNet(SMALL.replace(precision=precision, **overrides)).train()
    net(torch.randn(4, 3, 17, 17)).square().sum().backward()
    for name, parameter in net.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_the_bases_start_apart():
    branches = GroupNet(SMALL).groups[0].blocks[0].branches
    assert not torch.equal(branches[0].conv1.weight, branches[1].conv1.weight)
