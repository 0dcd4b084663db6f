"""Counts against the published table of the released code, and against hand counts of a tiny network."""

import pytest
import torch
from torch import nn

from models.complexity import complexity
from models.deploy import deploy
from models.registry import build

# Architecture, K: binary weights (M), model MB, binary GMAC, float MMAC, equivalent MMAC, at 224x224.
TABLE = [
    ("groupnet_resnet18", 1, 11.16, 3.52, 1.70, 118.5, 145.0),
    ("groupnet_resnet18", 4, 44.11, 7.73, 6.78, 118.5, 224.5),
    ("groupnet_resnet18", 5, 55.10, 9.14, 8.48, 118.5, 251.0),
    ("groupnet_resnet18_fp_downsample", 5, 54.93, 9.80, 8.38, 214.9, 345.8),
    ("groupnet_resnet18", 8, 88.06, 13.35, 13.56, 118.5, 330.5),
    ("groupnet_resnet34", 5, 105.6, 15.60, 17.73, 118.5, 395.5),
    ("groupnet_resnet34", 8, 168.9, 23.69, 28.36, 118.5, 561.7),
]


@pytest.mark.parametrize(("name", "bases", "weights", "megabytes", "binary", "float_", "equivalent"), TABLE)
def test_the_published_table(name, bases, weights, megabytes, binary, float_, equivalent):
    with torch.device("meta"):
        counts = complexity(build(name, bases=bases), (3, 224, 224))
    assert counts.binary_weights / 1e6 == pytest.approx(weights, rel=6e-4)
    assert counts.model_bytes / 1e6 == pytest.approx(megabytes, abs=0.006)
    assert counts.binary_macs / 1e9 == pytest.approx(binary, abs=0.006)
    assert counts.float_macs / 1e6 == pytest.approx(float_, abs=0.06)
    assert counts.equivalent_macs / 1e6 == pytest.approx(equivalent, abs=0.06)


# The plain float network: MMAC and megabytes. Then by K: memory saving, and bound of the speed-up.
FLOAT = {"groupnet_resnet18": (1814.1, 46.8), "groupnet_resnet34": (3663.8, 87.2)}
SAVINGS = [
    ("groupnet_resnet18", 1, 13.3, 12.5),
    ("groupnet_resnet18", 4, 6.05, 8.1),
    ("groupnet_resnet18", 5, 5.12, 7.2),
    ("groupnet_resnet18_fp_downsample", 5, 4.77, 5.3),
    ("groupnet_resnet18", 8, 3.50, 5.5),
    ("groupnet_resnet34", 5, 5.59, 9.3),
    ("groupnet_resnet34", 8, 3.68, 6.5),
]


@pytest.mark.parametrize(("name", "bases", "saving", "bound"), SAVINGS)
def test_the_published_savings(name, bases, saving, bound):
    plain = name.removesuffix("_fp_downsample")
    with torch.device("meta"):
        twin = complexity(build(plain, bases=1, gate="none", precision="float"), (3, 224, 224))
        counts = complexity(build(name, bases=bases), (3, 224, 224))
    assert twin.float_macs / 1e6 == pytest.approx(FLOAT[plain][0], abs=0.06)
    assert twin.model_bytes / 1e6 == pytest.approx(FLOAT[plain][1], abs=0.06)
    assert twin.model_bytes / counts.model_bytes == pytest.approx(saving, abs=0.06)
    assert twin.float_macs / counts.equivalent_macs == pytest.approx(bound, abs=0.06)


def test_resnet50_runs_what_the_float_resnet50_runs_k_times():
    """4.09 GMAC of the well-known network, less its stem and classifier, times K; one shortcut runs once."""
    with torch.device("meta"):
        counts = complexity(build("groupnet_resnet50", bases=5), (3, 224, 224))
    assert counts.float_macs == 64 * 3 * 49 * 112**2 + 2048 * 1000
    shared = 4 * 64 * 256 * 56**2
    assert counts.binary_macs + shared == pytest.approx(5 * (4.089e9 - counts.float_macs), rel=2e-3)


@pytest.mark.parametrize("bits", [2, 4])
def test_k_bits_cost_k_times_the_products_and_no_weights(bits):
    one, more = complexity(_tiny(), (1, 8, 8)), complexity(_tiny(activation_bits=bits), (1, 8, 8))
    assert more.binary_macs == bits * one.binary_macs
    assert (more.parameters, more.float_macs) == (one.parameters, one.float_macs)


def _tiny(**overrides):
    options = {"bases": 2, "depths": (1, 1), "width": 3, "stem": "small", "input_size": 8, "num_classes": 5}
    return build("groupnet_digits", **(options | overrides))


def test_a_tiny_net_by_hand():
    counts = complexity(_tiny(), (1, 8, 8))
    first = 2 * 2 * (3 * 3 * 9)
    second = 2 * (3 * 6 * 9 + 6 * 6 * 9)
    shortcut = 3 * 6
    assert counts.binary_weights == first + second + shortcut
    # The gate gives each base its own input, so that the shortcut runs once for each.
    assert counts.binary_macs == first * 64 + second * 16 + 2 * shortcut * 16
    assert counts.float_macs == 9 * 3 * 64 + 6 * 5
    norms = 2 * (3 + 4 * 3 + 4 * 6 + 6)
    assert counts.float_parameters == 9 * 3 + norms + 1 + (6 * 5 + 5)
    assert counts.parameters == counts.binary_weights + counts.float_parameters
    assert counts.model_bytes == (counts.binary_weights + 7) // 8 + 4 * counts.float_parameters


def test_without_gates_the_shortcut_runs_once():
    with_gates, without = (complexity(_tiny(gate=gate), (1, 8, 8)) for gate in ("block", "none"))
    assert with_gates.binary_macs - without.binary_macs == 3 * 6 * 16


def test_the_deployed_form_counts_the_same():
    net = _tiny()
    assert complexity(deploy(net), (1, 8, 8)) == complexity(net, (1, 8, 8))


def test_the_float_twin_counts_everything_as_float():
    binary, twin = complexity(_tiny(), (1, 8, 8)), complexity(_tiny(precision="float"), (1, 8, 8))
    assert twin.binary_weights == twin.binary_macs == 0
    assert twin.parameters == binary.parameters
    assert twin.float_macs == binary.float_macs + binary.binary_macs


def test_counting_leaves_the_network_as_it_was():
    net = _tiny().train()
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    complexity(net, (1, 8, 8))
    assert net.training and not any(module._forward_hooks for module in net.modules())
    assert all(torch.equal(tensor, before[name]) for name, tensor in net.state_dict().items())
    assert isinstance(net.stem[0], nn.Conv2d)
