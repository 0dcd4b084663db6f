"""Architectures by name, and the light weight of listing them."""

import subprocess
import sys

import pytest
import torch

from models.errors import ConfigError, UnknownNameError
from models.registry import architectures, build, config_of


def test_each_architecture_describes_itself():
    infos = {info.name: info for info in architectures()}
    resnet = infos["groupnet_resnet18"]
    assert (resnet.task, resnet.input_size, resnet.in_channels, resnet.num_classes, resnet.default_bases) == (
        *("classification", 224, 3, 1000),
        5,
    )
    assert {"groupnet_resnet34", "groupnet_resnet18_fp_downsample", "groupnet_digits"} <= set(infos)
    assert all(info.description for info in infos.values())


def test_the_imagenet_nets_are_the_official_model():
    config = config_of("groupnet_resnet18")
    assert (config.fusion, config.gate, config.group, config.downsample, config.pad_value) == (
        *("average", "block", "block", "binary"),
        1,
    )
    assert config_of("groupnet_resnet34").depths == (3, 4, 6, 3)
    assert config_of("groupnet_resnet50").block == "bottleneck"
    assert config_of("groupnet_resnet18_fp_downsample").downsample == "float"


def test_options_override_the_defaults():
    net = build("groupnet_digits", bases=2, input_size=16, num_classes=3, precision="float", gate="base")
    config = net.config
    assert (config.bases, config.input_size, config.num_classes) == (2, 16, 3)
    assert (config.precision, config.gate) == ("float", "base")


def test_the_seed_decides_the_parameters_and_the_global_generator_stays():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = build("groupnet_digits", seed=4)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert torch.equal(build("groupnet_digits", seed=4).classifier.weight, first.classifier.weight)
    assert not torch.equal(build("groupnet_digits", seed=5).classifier.weight, first.classifier.weight)


def test_an_unknown_architecture_gets_the_closest_names():
    with pytest.raises(UnknownNameError, match="did you mean groupnet_resnet"):
        build("groupnet_resnet19")
    with pytest.raises(UnknownNameError, match=r"choose one of .*groupnet_digits"):
        build("alexnet")


def test_an_unknown_option_and_a_contradiction_are_refused():
    with pytest.raises(UnknownNameError, match="bases"):
        build("groupnet_digits", base=3)
    with pytest.raises(ConfigError, match="gate"):
        build("groupnet_digits", group="net")


def test_listing_imports_no_torch():
    code = (
        "import sys, models.registry, models.zoo; models.registry.architectures(); models.zoo.entries(); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
