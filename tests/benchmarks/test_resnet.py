"""The peers' networks are ResNet-18 and ResNet-34 and nothing else."""

import pytest
import torch

from benchmarks.resnet import BLOCKS, resnet

PUBLISHED_PARAMETERS = {"resnet18": 11_689_512, "resnet34": 21_797_672}


@pytest.mark.parametrize("name", list(BLOCKS))
def test_parameter_count_and_output_shape(name):
    with torch.device("meta"):  # shapes are all that is asked for
        model = resnet(name)
        assert sum(parameter.numel() for parameter in model.parameters()) == PUBLISHED_PARAMETERS[name]
        assert model(torch.zeros(1, 3, 224, 224)).shape == (1, 1000)
