"""The deployed form of dynamic branches: the same outputs from K branches with gathered tensors."""

import pytest
import torch
from torch import nn

from models.checkpoint import load_checkpoint, save_checkpoint
from models.complexity import complexity
from models.deploy import deploy
from models.expert_bank import ChannelAffine, SelectedExperts
from models.metadata import ModelMeta, Preprocessing
from models.randomize import randomize
from models.registry import build

IMAGES = torch.randn(5, 1, 16, 16, generator=torch.Generator().manual_seed(0))


def _net(**overrides):
    options = {"bases": 2, "experts": 4, "gate": "none", "depths": (1, 2), "width": 4, "input_size": 16}
    net = build("groupnet_digits", **(options | overrides))
    randomize(net, 0)
    generator = torch.Generator().manual_seed(0)
    for name, parameter in net.named_parameters():
        if name.endswith("selector.logits.weight"):
            parameter.data.normal_(std=2.0, generator=generator)
    return net.eval()


@pytest.mark.parametrize(
    "overrides",
    [
        {},
        {"group": "two_blocks"},
        {"group": "net"},
        {"block": "bottleneck"},
        {"block": "bireal", "downsample": "pool"},
        {"activation_bits": 2},
        {"precision": "float"},
        {"precision": "tanh"},
    ],
)
def test_the_chosen_branches_add_up_to_the_masked_sum(overrides):
    net = _net(**overrides)
    deployed = deploy(net)
    assert isinstance(deployed.groups[0], SelectedExperts)
    assert not deployed.training and not any(p.requires_grad for p in deployed.parameters())
    torch.testing.assert_close(deployed(IMAGES), net(IMAGES), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(deployed(IMAGES[:1]), net(IMAGES[:1]), rtol=1e-4, atol=1e-5)


def test_a_folded_norm_is_the_norm():
    norm = nn.BatchNorm2d(3).eval()
    for tensor in (norm.weight.data, norm.bias.data, norm.running_mean):
        tensor.normal_()
    norm.running_var.uniform_(0.5, 2)
    x = torch.randn(2, 3, 4, 4)
    torch.testing.assert_close(ChannelAffine(norm)(x), norm(x))


def test_the_exported_graph_costs_k_branches():
    net = _net(depths=(1, 1))
    deployed = deploy(net)
    exported = torch.export.export(deployed, (IMAGES[:1],))
    targets = [str(node.target) for node in exported.graph.nodes if node.op == "call_function"]
    # Two convolutions a branch, two branches of four in each of two groups, and one shortcut.
    assert targets.count("groupnet.binary_conv2d.default") == 2 * 2 * 2 + 1
    assert targets.count("aten.topk.default") == 2
    # Signs and scale of two convolutions, scale and shift of two affines, in each of two groups.
    assert targets.count("aten.index_select.default") == 2 * 8
    for image in IMAGES:
        torch.testing.assert_close(exported.module()(image[None]), deployed(image[None]))


def test_the_count_is_that_of_k_branches_and_of_all_weights():
    dynamic = complexity(_net(), (1, 16, 16))
    static = complexity(_net(experts=0), (1, 16, 16))
    everything = complexity(_net(experts=0, bases=4), (1, 16, 16))
    assert complexity(deploy(_net()), (1, 16, 16)) == dynamic
    assert dynamic.binary_macs == static.binary_macs
    assert dynamic.binary_weights == everything.binary_weights
    logits = (4 + 4 + 8) * 4
    assert dynamic.float_macs == static.float_macs + logits
    assert dynamic.float_parameters == everything.float_parameters + logits + 3 * 4


def test_a_checkpoint_holds_the_banks(tmp_path):
    net = _net()
    meta = ModelMeta(
        architecture="groupnet_digits",
        config=net.config,
        task="classification",
        labels=tuple("0123456789"),
        preprocessing=Preprocessing(input_size=16, channels=1, mean=(0.3,), std=(0.25,)),
        training_command="",
        seed=0,
        metrics={},
    )
    save_checkpoint(tmp_path / "net.pt", net, meta)
    loaded = load_checkpoint(tmp_path / "net.pt")
    assert loaded.meta == meta and loaded.meta.config.experts == 4
    assert torch.equal(loaded.model(IMAGES), deploy(net)(IMAGES))
    save_checkpoint(tmp_path / "again.pt", loaded.model, loaded.meta)
    assert (tmp_path / "again.pt").read_bytes() == (tmp_path / "net.pt").read_bytes()
