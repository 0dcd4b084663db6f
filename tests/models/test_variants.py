"""Every variant builds and runs, says where it is from, and differs from the others."""

import pytest
import torch

from models.complexity import complexity
from models.errors import UnknownNameError
from models.registry import build, config_of
from models.variants import variant, variants

SMALL = {"bases": 3, "depths": (1, 2), "width": 4, "stem": "small", "input_size": 8}


@pytest.mark.parametrize("name", [entry.name for entry in variants()])
def test_each_variant_builds_runs_and_is_described(name):
    entry = variant(name)
    assert entry.meaning and entry.source
    net = build("groupnet_digits", **SMALL, **entry.overrides).eval()
    assert net(torch.randn(1, 1, 8, 8)).shape == (1, 10)


def test_no_two_variants_are_the_same():
    overrides = [tuple(sorted(entry.overrides.items())) for entry in variants()]
    assert len(set(overrides)) == len(overrides)
    assert len({entry.name for entry in variants()}) == len(overrides)


def test_group_net_is_what_is_registered():
    for architecture, name in (
        ("groupnet_resnet18", "Group-Net"),
        ("groupnet_resnet18_fp_downsample", "Group-Net**"),
    ):
        config = config_of(architecture)
        assert config.replace(**variant(name).overrides) == config


def test_decompositions_cost_the_same_but_for_shortcuts_that_gates_repeat():
    counts = {
        entry.name: complexity(build("groupnet_digits", **SMALL, **entry.overrides), (1, 8, 8))
        for entry in variants()
    }
    shortcut = 4 * 8 * 4 * 4
    assert counts["GBD v1"].binary_macs == counts["LBD"].binary_macs
    # The shortcut is in the second of three blocks, whose bases have inputs of their own here.
    for name in ("GBD v2", "GBD v3", "Group-Net"):
        assert counts[name].binary_macs - counts["GBD v1"].binary_macs == 2 * shortcut
    assert len({count.binary_weights for count in counts.values()}) == 2


def test_an_unknown_variant_gets_the_closest_names():
    with pytest.raises(UnknownNameError, match=r"known variant; got 'GBD v4'; did you mean GBD v"):
        variant("GBD v4")
