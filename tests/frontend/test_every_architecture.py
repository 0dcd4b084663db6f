"""Every registered architecture goes the whole way: exported, imported, compiled, and equal to PyTorch."""

from pathlib import Path

import pytest
import torch
from small_nets import example, verify_on_host

from models.complexity import complexity
from models.deploy import deploy
from models.latent_conv2d import LatentConv2d
from models.randomize import randomize
from models.registry import architectures, build

# The smallest images that leave something to see in the last maps.
SIZES = {"classification": 32, "segmentation": 48, "detection": 64}
# Depths stay as registered, so deep networks get one branch: two would only take longer.
DEEP = ("resnet34", "resnet50", "cifar")


@pytest.mark.parametrize("name", [info.name for info in architectures()])
def test_numbers_equal_pytorchs(name: str, tmp_path: Path) -> None:
    info = next(info for info in architectures() if info.name == name)
    size = SIZES[info.task]
    bases = 1 if any(word in name for word in DEEP) else min(2, info.default_bases)
    network = build(name, bases=bases, width=8, input_size=size, num_classes=3)
    dilations = {m.dilation for m in network.modules() if isinstance(m, LatentConv2d)}
    assert (max(dilations) > 1) == ("bpac" in name or "deeplab" in name)
    randomize(network, 0)
    deployed = deploy(network)
    shape = (info.in_channels, size, size)
    exported = torch.export.export(deployed, (torch.zeros(1, *shape),))
    report, verified = verify_on_host(exported, example(info.in_channels, size=size), tmp_path / "module.so")
    assert report.binary_convs == verified.binary_convs > 0
    assert verified.exact
    assert complexity(deployed, shape).binary_macs > 0
