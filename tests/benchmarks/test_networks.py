"""Every Group-Net is held against its own peer, on as many threads."""

import pytest

from benchmarks.interleave import Samples
from benchmarks.network_kernels import Net
from benchmarks.networks import BASE_ENGINE, network_rows, peer_of
from benchmarks.peers import NEEDED_BY_ENGINE, missing_packages

_SMALL, _LARGE = Net("groupnet_resnet18", 5), Net("groupnet_resnet34", 5)


@pytest.mark.parametrize(
    ("architecture", "peer"),
    [
        ("groupnet_resnet18", "resnet18"),
        ("groupnet_resnet34", "resnet34"),
        ("groupnet_resnet18_fp_downsample", "resnet18"),
    ],
)
def test_peers_have_the_depth_of_the_group_net(architecture, peer):
    assert peer_of(Net(architecture, 1)) == peer


def test_ratios_are_to_the_base_engine_of_the_same_peer_and_threads():
    samples = {
        (_SMALL.name, "groupnet", 1): Samples((11.0, 10.0)),
        (_LARGE.name, "groupnet", 2): Samples((8.0,)),
        ("resnet18", BASE_ENGINE, 1): Samples((20.0, 30.0)),
        ("resnet34", BASE_ENGINE, 2): Samples((16.0,)),
        ("resnet34", "torch fp32", 1): Samples((50.0,)),
    }
    ratios = [row["ratio"] for row in network_rows(samples, [_SMALL, _LARGE])]
    assert ratios == [0.5, 0.5, 1.0, 1.0, None]


def test_an_engine_whose_package_is_missing_says_which(monkeypatch):
    monkeypatch.setitem(NEEDED_BY_ENGINE, "some fp32", ("torch", "no_such_package"))
    assert missing_packages("some fp32") == ["no_such_package"]
    assert missing_packages("torch fp32") == []
