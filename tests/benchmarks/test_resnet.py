"""The peers' network is ResNet-18 and nothing else."""

import torch

from benchmarks.resnet import resnet18


def test_parameter_count_and_output_shape():
    model = resnet18()
    assert sum(parameter.numel() for parameter in model.parameters()) == 11_689_512  # the published figure
    with torch.no_grad():
        assert model(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)
